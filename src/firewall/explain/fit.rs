//! Conditions of which it may not be known whether they hold.

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::firewall) enum Fit {
    Yes,
    No,
    /// With the reasons.
    Unknown(Vec<String>),
}

impl Fit {
    pub(in crate::firewall) fn unknown(reason: String) -> Fit {
        Fit::Unknown(vec![reason])
    }

    pub(in crate::firewall) fn negated_if(self, negated: bool) -> Fit {
        match self {
            Fit::Yes if negated => Fit::No,
            Fit::No if negated => Fit::Yes,
            other => other,
        }
    }

    /// Both: a condition that does not hold decides, whatever is not known of the other.
    pub(in crate::firewall) fn and(self, other: impl FnOnce() -> Fit) -> Fit {
        match self {
            Fit::No => Fit::No,
            Fit::Yes => other(),
            Fit::Unknown(mut reasons) => match other() {
                Fit::No => Fit::No,
                Fit::Yes => Fit::Unknown(reasons),
                Fit::Unknown(more) => {
                    reasons.extend(more);
                    Fit::Unknown(reasons)
                }
            },
        }
    }
}

impl From<bool> for Fit {
    fn from(holds: bool) -> Fit {
        if holds { Fit::Yes } else { Fit::No }
    }
}
