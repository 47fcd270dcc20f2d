//! The only place that names `aws_sdk_*`: a session and one thin file per service. Knows no tenant, plans nothing, prints nothing.

pub mod cloudformation;
pub mod costexplorer;
pub mod data;
pub mod ecs;
pub mod elb;
pub mod error;
pub mod iam;
pub mod pricing;
pub mod quotas;
pub mod rds;
pub mod route53;
pub mod session;
pub mod ssm;

pub use error::AwsError;
pub use session::{Aws, Target};
