//! What `firewall` says to do, as root in a shared folder and as a user without a helper.

use super::system::says;

#[test]
fn snapshot_in_a_shared_folder_names_a_better_one() {
    let Some(text) = says(
        r#"
"$DLVGATE" firewall snapshot "/tmp/it's mine" || echo refused
"$DLVGATE" firewall rollback "/tmp/it's mine" || echo refused
"#,
    ) else {
        return;
    };
    assert_eq!(text.matches("refused").count(), 2, "{text}");
    assert_eq!(text.matches(r"such as '/var/it'\''s mine'").count(), 2, "{text}");
    for harm in ["Make it root", "chown", "chmod"] {
        assert!(!text.contains(harm), "{text}");
    }
}

#[test]
fn user_is_sent_to_no_flag_that_is_not_there() {
    let as_user = |words: &str| {
        says(&format!(
            "cp \"$DLVGATE\" /usr/local/libexec/dlvgate\nas_nobody /usr/local/libexec/dlvgate {words} </dev/null || true"
        ))
    };
    for words in ["firewall sweep", "firewall open --port 4000 --from 192.0.2.5"] {
        let Some(text) = as_user(words) else { return };
        assert!(text.contains("sudo dlvgate firewall install"), "{text}");
        assert!(!text.contains("--firewall off"), "{text}");
    }
    let Some(text) = as_user("serve --listen 127.0.0.1:0 --firewall nftables") else { return };
    assert!(text.contains("sudo dlvgate firewall install"), "{text}");
    assert!(text.contains("or use --firewall off"), "{text}");
}
