//! Service account tokens (JWT, RFC 7519), signed with a key of our choice.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("not a token of three parts with a JSON header")]
    Malformed,
    #[error("the key is neither RSA nor ECDSA P-256 in PKCS#8")]
    Key,
    #[error("the key does not sign")]
    Sign,
}

/// A key that signs tokens (RFC 7518, 3.3 and 3.4).
enum Signer {
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
}

/// The same claims under the same key id, signed with the PEM key given.
pub(crate) fn sign_again(token: &SecretString, key: &str) -> Result<SecretString, TokenError> {
    let parts: Vec<_> = token.expose_secret().trim().split('.').collect();
    let [header, claims, _] = parts[..] else { return Err(TokenError::Malformed) };
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed)?;
    let mut header: Value = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
    if !header.is_object() {
        return Err(TokenError::Malformed);
    }

    let signer = Signer::read(key)?;
    header["alg"] = signer.algorithm().into();
    let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header.to_string()));
    let signature = signer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

impl Signer {
    fn read(key: &str) -> Result<Self, TokenError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TokenError::Key)?;
        let der = key.secret_pkcs8_der();
        if let Ok(key) = RsaKeyPair::from_pkcs8(der) {
            return Ok(Self::Rs256(key));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Self::Es256).map_err(|_| TokenError::Key)
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        match self {
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| TokenError::Sign)?;
                Ok(signature)
            }
            Self::Es256(key) => {
                let signature = key.sign(&SystemRandom::new(), message).map_err(|_| TokenError::Sign)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn key() -> (String, Vec<u8>) {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(document.as_ref()));
        (pem, pair.public_key().as_ref().to_vec())
    }

    fn token(header: &str) -> SecretString {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("{\"sub\":\"x\"}")).into()
    }

    #[test]
    fn claims_and_key_id_stay_and_the_signature_is_the_new_keys() {
        let (pem, public) = key();
        let again = sign_again(&token("{\"alg\":\"RS256\",\"kid\":\"k\"}"), &pem).unwrap();
        let (signed, signature) = again.expose_secret().rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();

        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        assert_eq!(header, serde_json::json!({"alg": "ES256", "kid": "k"}));
        assert_eq!(URL_SAFE_NO_PAD.decode(claims).unwrap(), b"{\"sub\":\"x\"}");
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(signed.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let (pem, _) = key();
        for text in ["", "a.b", "!.b.c"] {
            assert!(matches!(sign_again(&text.into(), &pem), Err(TokenError::Malformed)), "{text:?}");
        }
        assert!(matches!(sign_again(&token("[]"), &pem), Err(TokenError::Malformed)));
        assert!(matches!(sign_again(&token("{}"), "no key"), Err(TokenError::Key)));
    }
}
