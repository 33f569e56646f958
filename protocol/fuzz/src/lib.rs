//! What the fuzz targets of `dlvgate-protocol` share: cutting a stream into chunks, and another
//! reader of JSON objects.

pub mod chunks;
pub mod members;
