//! A planted fault, and what doctor has to say of it.

use serde_json::Value;

use super::container::{Container, User};
use super::harm;

/// What several faults are planted with.
const FUNCTIONS: &str = include_str!("faults/functions.sh");

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// For the table.
    pub name: String,
    /// The user there.
    pub user: User,
    /// What makes the fault, in the shell that doctor is then run in.
    pub plant: String,
    /// Doctor's arguments.
    pub arguments: String,
    /// The finding that has to come first.
    pub names: String,
    /// Words of what it says.
    pub says: String,
    /// Whether the printed commands fix it; a remedy outside of the machine cannot be run in it.
    pub is_fixed: bool,
}

/// How often doctor is asked again on a machine that is too busy for it.
pub const BUSY_TRIES: usize = 20;

impl Fault {
    pub fn named(name: &str) -> Fault {
        let text = String::new;
        Fault {
            name: name.to_owned(),
            user: User::Root,
            plant: text(),
            arguments: text(),
            names: text(),
            says: text(),
            is_fixed: true,
        }
    }

    /// Plants it, asks doctor, runs the printed commands, and asks again. Returns what was wrong
    /// with the answers.
    pub fn try_out(&self, container: &mut Container) -> Result<(), String> {
        let planted = container.run(&self.plant).1;
        let is_named = |said: &Value| {
            let seen = said["first"]["seen"].as_str().unwrap_or_default();
            said["first"]["id"] == self.names.as_str() && seen.contains(&self.says)
        };
        let mut said = container.doctor(&self.arguments);
        for _ in 0..BUSY_TRIES {
            if is_named(&said) || !is_out_of_time(&said) {
                break;
            }
            said = container.doctor(&self.arguments);
        }
        let first = &said["first"];
        if !is_named(&said) {
            return Err(format!(
                "first is {first:#}, and not {} with `{}`; planting said `{planted}`",
                self.names, self.says
            ));
        }
        if first["why"].as_str().unwrap_or_default().is_empty() {
            return Err(format!("there is no reason: {first:#}"));
        }
        let remedies: Vec<&str> =
            list(&first["remedies"]).iter().filter_map(|one| one["command"].as_str()).collect();
        if remedies.is_empty() {
            return Err(format!("there is no remedy: {first:#}"));
        }
        let harmful = harm::of_all(container, &said);
        if !harmful.is_empty() {
            return Err(format!("what is printed does harm: {harmful:#?}"));
        }
        if !self.is_fixed {
            return Ok(());
        }
        let mut printed = String::new();
        for remedy in &remedies {
            // A server runs on; a person has another terminal for the next command.
            let runs_on = remedy.starts_with("dlvgate serve") && !remedy.ends_with('&');
            let command = if runs_on { format!("{remedy} &") } else { (*remedy).to_owned() };
            printed += &container.run(&command).1;
        }
        // A program started in the background takes a moment to listen, or to open its gate.
        let mut left = Value::Null;
        for _ in 0..10 {
            left = container.doctor(&self.arguments)["first"].clone();
            if left.is_null() {
                return Ok(());
            }
            container.run("sleep 0.3");
        }
        Err(format!("after {remedies:?}, which said `{}`, there is {left:#}", printed.trim()))
    }
}

/// Whether a check, or a program that it asked, was too slow to say anything: the machine is busy.
fn is_out_of_time(said: &Value) -> bool {
    let said = said.to_string();
    said.contains("had no answer within") || said.contains("did not end within")
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Tries them all, some at once, and fails with everything that went wrong.
pub fn try_all(faults: &[Fault], prepare: impl Fn(&mut Container) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let Some(mut container) = Container::new(fault.user) else { return };
                    container.must(FUNCTIONS);
                    prepare(&mut container);
                    if let Err(why) = fault.try_out(&mut container) {
                        wrong.lock().unwrap().push(format!("{}: {why}", fault.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), faults.len(), wrong.join("\n\n"));
}
