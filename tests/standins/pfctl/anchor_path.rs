//! Limits of anchor paths.

/// PF_ANCHOR_NAME_SIZE: a component has to stay under it.
const COMPONENT_LIMIT: usize = 64;
/// MAXPATHLEN: a path has to stay under it.
const PATH_LIMIT: usize = 1024;

pub fn join(parent: &str, name: &str) -> String {
    match (parent, name) {
        ("", name) => name.to_owned(),
        (parent, "") => parent.to_owned(),
        (parent, name) => format!("{parent}/{name}"),
    }
}

pub fn check(path: &str) -> Result<(), String> {
    if path.len() >= PATH_LIMIT || path.split('/').any(|part| part.len() >= COMPONENT_LIMIT) {
        return Err(format!("anchor name '{path}' too long"));
    }
    if path.split('/').any(|part| part.starts_with('_')) {
        return Err("anchor names beginning with '_' are reserved for internal use".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_is_under_64_bytes_and_path_under_1024() {
        assert!(check(&"a".repeat(63)).is_ok());
        assert!(check(&"a".repeat(64)).is_err());
        assert!(check(&["a".repeat(60).as_str(); 16].join("/")).is_ok());
        assert!(check(&["a".repeat(63).as_str(); 16].join("/")).is_ok());
        assert!(check(&["a".repeat(60).as_str(); 17].join("/")).is_err());
    }

    #[test]
    fn a_leading_underscore_is_refused() {
        assert!(check("com.apple/_x").is_err());
    }
}
