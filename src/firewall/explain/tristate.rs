//! Conditions of which it may not be known whether they hold.

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::firewall) enum Tristate {
    Yes,
    No,
    /// With the reasons.
    Unknown(Vec<String>),
}

impl Tristate {
    pub(in crate::firewall) fn unknown(reason: String) -> Tristate {
        Tristate::Unknown(vec![reason])
    }

    pub(in crate::firewall) fn negated_if(self, negated: bool) -> Tristate {
        match self {
            Tristate::Yes if negated => Tristate::No,
            Tristate::No if negated => Tristate::Yes,
            other => other,
        }
    }

    /// Both: a condition that does not hold decides, whatever is not known of the other.
    pub(in crate::firewall) fn and(self, other: impl FnOnce() -> Tristate) -> Tristate {
        match self {
            Tristate::No => Tristate::No,
            Tristate::Yes => other(),
            Tristate::Unknown(mut reasons) => match other() {
                Tristate::No => Tristate::No,
                Tristate::Yes => Tristate::Unknown(reasons),
                Tristate::Unknown(more) => {
                    reasons.extend(more);
                    Tristate::Unknown(reasons)
                }
            },
        }
    }
}

impl From<bool> for Tristate {
    fn from(holds: bool) -> Tristate {
        if holds { Tristate::Yes } else { Tristate::No }
    }
}
