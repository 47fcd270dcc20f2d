//! Where credentials come from, for people.

use super::chain::Base;

impl Base {
    /// "the keys of the profile ada".
    #[must_use]
    pub fn source(&self) -> String {
        match self {
            Self::Environment(_) => "the environment's keys".to_owned(),
            Self::Static { profile, .. } => format!("the keys of the profile {profile}"),
            Self::Process { profile, .. } => format!("the credential_process of the profile {profile}"),
            Self::Sso { profile } => format!("single sign-on of the profile {profile}"),
            Self::Login { profile } => format!("`aws login` of the profile {profile}"),
            Self::WebIdentity { role_arn, .. } => format!("a web identity token for {role_arn}"),
            Self::Container => "the container's role".to_owned(),
            Self::Instance => "the machine's role".to_owned(),
        }
    }
}
