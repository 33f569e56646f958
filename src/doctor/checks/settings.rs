//! dlvgate's own configuration files.

use crate::doctor::context::{Context, WrongSettings};
use crate::doctor::facts::files::comment_out;
use crate::doctor::finding::{CheckGroup, Finding, Health};

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    context.question.settings.iter().map(judge).collect()
}

fn judge(wrong: &WrongSettings) -> Finding {
    let finding = Finding::new(CheckGroup::Delve, "settings", Health::Bad, wrong.text.clone())
        .why("dlvgate refuses to start with a configuration file that it does not understand");
    match wrong.line {
        Some(line) if wrong.file.is_file() => finding.undoable_remedies([comment_out(&wrong.file, line)]),
        _ => finding.remedy("dlvgate config"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::quoted_path;

    #[test]
    fn folder_with_colons_is_no_place_in_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let (other, file) = (folder.path().join("a"), folder.path().join("a:1:b/dlvgate.toml"));
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(&other, "precious\n").unwrap();
        std::fs::write(&file, "\nlistne = 1\n").unwrap();
        let text = format!("{}:2: there is no setting `listne`", file.display());
        let finding = judge(&WrongSettings { text, file: file.clone(), line: Some(2) });
        let command = &finding.remedies[0].command;
        assert!(command.ends_with(&format!(" {}", quoted_path(&file))), "{command}");
    }
}
