//! The Price List: AWS's prices as published. konta calls it in us-east-1 for every region.

use aws_sdk_pricing::types::{Filter, FilterType};

use futures::StreamExt as _;
use futures::TryStreamExt as _;

use super::error::AwsError;
use super::session::Aws;

/// Questions asked side by side: the Price List takes about ten a second.
const SIDE_BY_SIDE: usize = 4;

impl Aws {
    /// The products of each service with these attributes, in the order of the questions.
    ///
    /// # Errors
    /// When AWS refuses one question or cannot be reached: half a list is none.
    pub async fn products_of_each<'a>(
        &self,
        questions: impl Iterator<Item = (&'a str, &'a [(&'static str, String)])>,
    ) -> Result<Vec<Vec<String>>, AwsError> {
        let asked = questions.map(async |(service, attributes)| self.products(service, attributes).await);
        futures::stream::iter(asked).buffered(SIDE_BY_SIDE).try_collect().await
    }

    /// The products of a service that have these attributes, each as the JSON text of the Price List.
    pub async fn products(
        &self,
        service: &str,
        attributes: &[(&'static str, String)],
    ) -> Result<Vec<String>, AwsError> {
        const OPERATION: &str = "pricing GetProducts";
        let mut request = self.pricing.get_products().service_code(service).format_version("aws_v1");
        for (field, value) in attributes {
            let filter = Filter::builder().field(*field).r#type(FilterType::TermMatch).value(value).build();
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
