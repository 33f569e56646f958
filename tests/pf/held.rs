//! What a test takes of pf, and gives back however it ends.

use std::thread;

use crate::machine::Machine;

/// An anchor of a test's own; flushed at the end.
pub struct Anchor<'a> {
    machine: &'a Machine,
    name: String,
}

impl<'a> Anchor<'a> {
    pub fn new(machine: &'a Machine, name: String) -> Anchor<'a> {
        Anchor { machine, name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Loads these rules, which pfctl must take without a complaint.
    pub fn load(&self, text: &str) {
        let answer = self.machine.run(&["-a", &self.name, "-f", "-"], text);
        assert_eq!((answer.code, answer.complaint.as_str()), (Some(0), ""), "{text}");
        assert_eq!(answer.stdout, "", "a load says nothing on standard output");
    }

    /// The rules as pfctl prints them.
    pub fn printed(&self) -> Vec<String> {
        let page = self.machine.run(&["-a", &self.name, "-s", "rules"], "").stdout;
        page.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Takes the rules and tables away, as the product does.
    pub fn flush(&self) {
        for what in ["rules", "Tables"] {
            let answer = self.machine.run(&["-a", &self.name, "-F", what], "");
            assert_eq!(answer.code, Some(0), "{}", answer.complaint);
        }
    }
}

impl Drop for Anchor<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            for what in ["rules", "Tables"] {
                self.machine.run(&["-a", &self.name, "-F", what], "");
            }
            return;
        }
        self.flush();
        assert_eq!(self.printed(), Vec::<String>::new(), "{} is empty", self.name);
    }
}

/// A reference that keeps pf enabled; given back at the end.
pub struct Token<'a> {
    machine: &'a Machine,
    /// The pfctl that took it.
    pub pid: u32,
    number: String,
    is_held: bool,
}

impl<'a> Token<'a> {
    pub fn take(machine: &'a Machine) -> Token<'a> {
        let answer = machine.run(&["-E"], "");
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), ""), "{}", answer.complaint);
        let (_, after) = answer.complaint.split_once("Token : ").expect("a token");
        let number = after.lines().next().expect("a number").trim().to_owned();
        Token { machine, pid: answer.pid, number, is_held: true }
    }

    pub fn number(&self) -> &str {
        &self.number
    }

    /// Gives it back; what pfctl says to that.
    pub fn release(&mut self) -> String {
        self.is_held = false;
        let answer = self.machine.run(&["-X", &self.number], "");
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), ""), "{}", answer.complaint);
        answer.complaint
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        if self.is_held {
            self.machine.run(&["-X", &self.number], "");
        }
    }
}
