//! What the fuzz targets of dlvgate share.

pub mod odd;
pub mod oracle;
pub mod question;
pub mod secrets;
