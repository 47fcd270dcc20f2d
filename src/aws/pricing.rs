//! The Price List: AWS's prices as published. konta calls it in us-east-1 for every region.

use aws_sdk_pricing::types::{Filter, FilterType};

use super::error::AwsError;
use super::session::Aws;

impl Aws {
    /// The products of a service that have these attributes, each as the JSON text of the Price List.
    pub async fn products(&self, service: &str, attributes: &[(&str, &str)]) -> Result<Vec<String>, AwsError> {
        const OPERATION: &str = "pricing GetProducts";
        let mut request = self.pricing.get_products().service_code(service).format_version("aws_v1");
        for (field, value) in attributes {
            let filter = Filter::builder().field(*field).r#type(FilterType::TermMatch).value(*value).build();
            request = request.filters(filter.map_err(|e| AwsError::incomplete(OPERATION, &e.to_string()))?);
        }
        let mut pages = request.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page.map_err(|e| AwsError::from_sdk(OPERATION, &e))?.price_list.unwrap_or_default());
        }
        Ok(found)
    }
}
