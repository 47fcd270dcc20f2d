//! The only room that names `aws_sdk_*`: a session and one thin file per service. It knows no tenants, plans nothing
//! and prints nothing.

pub mod change_set;
pub mod clock_skew;
pub mod cloudformation;
pub mod costexplorer;
pub mod credentials;
pub mod ecs;
pub mod elb;
pub mod error;
pub mod iam;
pub mod identity;
pub mod logs;
pub mod pricing;
pub mod quotas;
pub mod rds;
pub mod rds_data;
pub mod route53;
pub mod s3;
pub mod session;
pub mod ssm;
pub mod sts;
pub mod task_definition;
pub mod tasks;

pub use error::AwsError;
pub use identity::Identity;
pub use session::{Aws, Target};
