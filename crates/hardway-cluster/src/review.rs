//! Asking the API who somebody is and what they may do.

use crate::live::CALL_TIMEOUT;
use crate::{Error, Live};
use k8s_openapi::api::authentication::v1::{
    SelfSubjectReview, TokenRequest, TokenRequestSpec, TokenReview, TokenReviewSpec, UserInfo,
};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use secrecy::{ExposeSecret, SecretString};

/// Who the API takes a request's sender for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub groups: Vec<String>,
}

impl From<UserInfo> for User {
    fn from(info: UserInfo) -> Self {
        Self { name: info.username.unwrap_or_default(), groups: info.groups.unwrap_or_default() }
    }
}

/// What the API says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted(User),
    /// With the authenticator's reason, where it gives one.
    Rejected(String),
}

/// A request that somebody may or may not make. Empty fields mean what they mean in
/// `authorization.k8s.io/v1`'s ResourceAttributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    pub verb: String,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

impl Live {
    /// Who this client is to the API: what `kubectl auth whoami` asks.
    ///
    /// # Errors
    /// [`Error::Refused`] with 401 where the credentials are not accepted.
    pub async fn whoami(&self) -> Result<User, Error> {
        let reviews: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let params = PostParams::default();
        let review = SelfSubjectReview::default();
        let asking = reviews.create(&params, &review);
        let review = self.within(CALL_TIMEOUT, "ask who we are", asking).await?;
        Ok(review.status.and_then(|status| status.user_info).unwrap_or_default().into())
    }

    /// Whether this client may do something: what `kubectl auth can-i` asks.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn may(&self, attributes: &Attributes) -> Result<bool, Error> {
        let some = |field: &String| Some(field.clone()).filter(|field| !field.is_empty());
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    verb: some(&attributes.verb),
                    group: some(&attributes.group),
                    resource: some(&attributes.resource),
                    subresource: some(&attributes.subresource),
                    namespace: some(&attributes.namespace),
                    name: some(&attributes.name),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let params = PostParams::default();
        let asking = reviews.create(&params, &review);
        let review = self.within(CALL_TIMEOUT, "ask what we may do", asking).await?;
        Ok(review.status.is_some_and(|status| status.allowed))
    }

    /// A token of a service account, valid for ten minutes, for the API server's own audience.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn token(&self, namespace: &str, account: &str) -> Result<SecretString, Error> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let call = format!("make a token of {namespace}/{account}");
        // Ten minutes are the least that the API grants.
        let spec = TokenRequestSpec { expiration_seconds: Some(600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let params = PostParams::default();
        let asking = accounts.create_token_request(account, &params, &request);
        let answer = self.within(CALL_TIMEOUT, &call, asking).await?;
        Ok(answer.status.and_then(|status| status.token).unwrap_or_default().into())
    }

    /// What the API says of a token.
    ///
    /// # Errors
    /// The API's refusal of the question itself, or no answer.
    pub async fn review_token(&self, token: &SecretString) -> Result<Verdict, Error> {
        let spec = TokenReviewSpec { token: token.expose_secret().to_owned(), ..TokenReviewSpec::default() };
        let review = TokenReview { spec, ..TokenReview::default() };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let params = PostParams::default();
        let asking = reviews.create(&params, &review);
        let status = self.within(CALL_TIMEOUT, "review a token", asking).await?.status.unwrap_or_default();
        Ok(match status.authenticated {
            Some(true) => Verdict::Accepted(status.user.unwrap_or_default().into()),
            _ => Verdict::Rejected(status.error.unwrap_or_else(|| "not authenticated".to_owned())),
        })
    }
}
