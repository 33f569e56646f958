//! The stand-in for pfctl, and its journal.
