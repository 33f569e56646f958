//! Which fault makes sense at which step, with which dlv, and what dlvgate promises there.

use nix::sys::signal::Signal;

use super::fault::Fault;
use super::step::Step;

/// A fault at a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    pub step: Step,
    pub fault: Fault,
}

/// What becomes of dlvgate itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It serves the next client, and ends with exit code 0 at SIGTERM.
    ServesOn,
    /// It ends by itself with this exit code.
    Exits(i32),
    /// A signal ends it.
    Dies(Signal),
}

impl Cell {
    /// Every cell there is, step by step.
    pub fn all() -> Vec<Self> {
        let cells = Step::ALL
            .into_iter()
            .flat_map(|step| Fault::ALL.into_iter().map(move |fault| Self { step, fault }));
        cells.filter(|cell| cell.makes_sense()).collect()
    }

    /// The others are a dash in the table.
    pub fn makes_sense(self) -> bool {
        use Fault::{
            ClientGone, ClientHalfClosed, ClientProtocolError, ClientStalled, DlvExits0, DlvExits1,
            DlvFloods, DlvHangs, DlvKilled, DlvProtocolError, NoReadyLine, PfctlFails, PfctlHangs, PfctlLies,
            ReaperDies, TwoReadyLines, UpstreamResets,
        };
        let step = self.step;
        match self.fault {
            // After a header it is a body like others; and at the end its bytes are no longer read.
            ClientProtocolError => !matches!(step, Step::Sniff | Step::Close),
            // It is being ended: silence is its good right.
            ClientGone | ClientHalfClosed | ClientStalled => true,
            DlvExits0 | DlvExits1 | DlvKilled | DlvHangs | DlvFloods => step.has_dlv(),
            DlvProtocolError => step.is_dialled(),
            NoReadyLine => matches!(step, Step::Launch | Step::Ready),
            TwoReadyLines => matches!(step, Step::Ready | Step::Gate | Step::FirstByte | Step::Running),
            UpstreamResets => step.is_dialled() || step == Step::Gate,
            // Until the gate is opened, nothing is asked of it: the same as at the gate.
            PfctlHangs | PfctlFails | PfctlLies => step == Step::Connect || step >= Step::Gate,
            // It comes with the first dlv.
            ReaperDies => step.has_dlv(),
            _ => true,
        }
    }

    /// Whether a real dlv debugs a real program in it. Where dlv itself does what no good one does,
    /// and where it has to be held in the middle of something, it is the stand-in.
    pub fn is_real(self) -> bool {
        use Fault::{DlvExits0, DlvExits1, DlvFloods, DlvProtocolError, TwoReadyLines, UpstreamResets};
        matches!(self.step, Step::Running | Step::Stopped)
            && !matches!(
                self.fault,
                DlvExits0 | DlvExits1 | DlvFloods | DlvProtocolError | TwoReadyLines | UpstreamResets
            )
    }

    /// Whether time limits pass in it, which are not waited for: the clock that they are measured
    /// with is moved.
    pub fn is_hurried(self) -> bool {
        use Fault::{ClientStalled, DlvFloods, DlvHangs, NoReadyLine, PfctlHangs};
        matches!(self.fault, ClientStalled | DlvHangs | NoReadyLine | PfctlHangs)
            || (self.fault == DlvFloods && self.step >= Step::Drain)
    }

    /// Whether the fault alone makes the session end, and at once: a held message need not go on
    /// for it. Then that is waited for, so that what the client does next comes after it and not
    /// beside it.
    pub fn ends_at_once(self) -> bool {
        use Fault::{
            ClientProtocolError, DlvExits0, DlvExits1, DlvKilled, DlvProtocolError, GuardDies, Sigint,
            Sigkill, Sigterm, UpstreamResets,
        };
        match self.fault {
            // It ends already.
            _ if self.step == Step::Close => false,
            GuardDies | Sigkill => true,
            // While the gate is being opened nothing else is looked at.
            _ if self.step == Step::Gate => false,
            DlvExits0 | DlvExits1 | DlvKilled | DlvProtocolError | UpstreamResets | Sigterm | Sigint => true,
            // Its bytes are checked when there is a dlv to send them to.
            ClientProtocolError => !matches!(self.step, Step::Launch | Step::Ready),
            _ => false,
        }
    }

    /// Whether its client says enough, before it goes or goes wrong, to begin a session.
    pub fn begins_a_session(self) -> bool {
        use Fault::{ClientGone, ClientHalfClosed, ClientProtocolError, ClientStalled};
        self.step != Step::Connect
            || !matches!(self.fault, ClientProtocolError | ClientGone | ClientHalfClosed | ClientStalled)
    }

    /// Whether its gate may outlive the session, so that the next one's dlv gets the same port on
    /// purpose.
    pub fn may_leave_its_gate(self) -> bool {
        use Fault::{DiskFull, PfctlFails, PfctlHangs, PfctlLies};
        matches!(self.fault, DiskFull | PfctlFails | PfctlHangs | PfctlLies)
    }

    /// Whether the session is recorded: where a recording could break off, or its times could be
    /// wrong. Never where time limits pass, since the thread that writes waits by a clock that such
    /// a leap would leave behind; nor where descriptors are counted, since who asks dlv for its
    /// version gives some back at any time.
    pub fn is_recorded(self) -> bool {
        use Fault::{
            ClientGone, ClockBack, ClockForward, DiskFull, DlvKilled, GuardDies, MemoryLimit, Sigkill,
            Sigterm,
        };
        matches!(
            self.fault,
            ClientGone
                | ClockBack
                | ClockForward
                | DiskFull
                | DlvKilled
                | GuardDies
                | MemoryLimit
                | Sigkill
                | Sigterm
        )
    }

    /// The promise about dlvgate, independent of what the client sees.
    pub fn fate(self) -> Fate {
        match self.fault {
            Fault::GuardDies => Fate::Exits(1),
            Fault::MemoryLimit => Fate::Dies(Signal::SIGABRT),
            Fault::Sigkill => Fate::Dies(Signal::SIGKILL),
            Fault::Sigterm | Fault::Sigint => Fate::Exits(0),
            _ => Fate::ServesOn,
        }
    }
}
