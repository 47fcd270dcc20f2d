//! What tests share.

pub mod context;
pub mod fake_aws;
pub mod fake_cloud;
pub mod http_client;
pub mod mfa_front;
pub mod processes;
pub mod sandbox_workspace;
pub mod scripted_http_aws;
pub mod sts_double;
pub mod warm_sandboxes;
