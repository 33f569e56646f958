//! What the fuzz targets of dlvgate share.

pub mod question;
pub mod secrets;
