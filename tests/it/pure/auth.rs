//! The profile files and the chain, held against botocore's own answers.

mod botocore;
mod parser_limits;
mod profiles;
mod random;
