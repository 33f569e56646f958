//! dlvgate in dlv's place.

mod exits;
mod gate;
mod goland;
mod listening;
mod side_by_side;
mod terminal;
