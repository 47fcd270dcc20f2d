//! Task definitions in addition to those of the stacks, each for one piece of work.

use aws_sdk_ecs::types::TaskDefinitionStatus;

use super::error::AwsError;
use super::session::Aws;

/// The family of the additional definitions that belong to a family. A tenant's name has no underscore, so no tenant
/// has this family itself.
#[must_use]
pub fn beside(family: &str) -> String {
    format!("{family}_upgrade")
}

impl Aws {
    /// Retires every task definition of a family: nothing new starts from it, and what runs continues. Returns how many
    /// there were.
    pub async fn retire_family(&self, family: &str) -> Result<usize, AwsError> {
        let mut pages = self
            .ecs
            .list_task_definitions()
            .family_prefix(family)
            .status(TaskDefinitionStatus::Active)
            .into_paginator()
            .items()
            .send();
        let mut retired = 0;
        while let Some(arn) = pages.next().await {
            let arn = arn.map_err(|e| AwsError::from_sdk("ecs ListTaskDefinitions", &e))?;
            if family_of(&arn) != family {
                continue;
            }
            self.ecs
                .deregister_task_definition()
                .task_definition(&arn)
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("ecs DeregisterTaskDefinition", &e))?;
            retired += 1;
        }
        Ok(retired)
    }
}

/// The family in a definition's ARN, `...:task-definition/FAMILY:REVISION`.
fn family_of(arn: &str) -> &str {
    arn.rsplit('/').next().and_then(|name| name.split(':').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_made_beside_is_no_tenants() {
        assert!(beside("konta-prod-bread").contains('_'), "a tenant's name has none");
        assert_eq!(
            family_of("arn:aws:ecs:eu-west-1:1:task-definition/konta-prod-bread_upgrade:7"),
            "konta-prod-bread_upgrade"
        );
    }
}
