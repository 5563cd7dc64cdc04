//! `Base64(HMAC-SHA1(AppSecret, message))`.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::message::{has_nested, message};
use crate::NestedSignature;
use crate::read::params::Params;
use crate::refusal::Refusal;

/// Checks signatures.
pub(crate) struct Verifier {
    /// Keyed once, cloned for each call.
    keyed: Hmac<Sha1>,
    accepted: Vec<NestedSignature>,
}

impl Verifier {
    pub(crate) fn new(secret: &[u8], accepted: Vec<NestedSignature>) -> Self {
        let keyed = Hmac::new_from_slice(secret).unwrap_or_else(|_| {
            unreachable!("an HMAC takes a key of any length");
        });
        Self { keyed, accepted }
    }

    /// The first accepted reading that a call's signature fits; `None` if the call has
    /// nothing nested.
    pub(crate) fn verify(
        &self,
        params: &Params<'_>,
        signature: &str,
    ) -> Result<Option<NestedSignature>, Refusal> {
        let claimed = base64_simd::STANDARD
            .decode_to_vec(signature.as_bytes())
            .map_err(|_| Refusal::signature())?;
        if !has_nested(params) {
            let fits = self.fits(params, NestedSignature::Json, &claimed);
            return fits.then_some(None).ok_or_else(Refusal::signature);
        }
        self.accepted
            .iter()
            .copied()
            .find(|reading| self.fits(params, *reading, &claimed))
            .map(Some)
            .ok_or_else(Refusal::signature)
    }

    fn fits(&self, params: &Params<'_>, reading: NestedSignature, claimed: &[u8]) -> bool {
        message(params, reading).is_some_and(|message| {
            let mut mac = self.keyed.clone();
            mac.update(&message);
            mac.verify_slice(claimed).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Verifier;
    use crate::NestedSignature;
    use crate::read::params::Params;

    /// The vendor's own vector.
    const BODY: &str = r#"{"Action":"ServiceDescribeDeviceData","AppKey":"ServiceAppKey",
        "DeviceName":"Device001","Nonce":71087795,"ProductId":"ProductA",
        "RequestId":"476c990a-f5b7-1575-987c-4ef70e474932","Timestamp":1546315200}"#;

    fn verify(secret: &str, signature: &str) -> bool {
        let params = Params::read(BODY.as_bytes()).unwrap();
        let verifier = Verifier::new(secret.as_bytes(), vec![NestedSignature::Json]);
        verifier.verify(&params, signature) == Ok(None)
    }

    #[test]
    fn the_vendors_own_vector_is_accepted() {
        assert!(verify("ServiceAppSecret", "P206d+JzP37FLKBDkD689wqnl4k="));
    }

    #[test]
    fn any_other_signature_is_refused() {
        assert!(!verify("ServiceAppSecret", "P206d+JzP37FLKBDkD689wqnl4l="));
        assert!(!verify("ServiceAppSecret", "P206d+JzP37FLKBDkD689wqnl4k"));
        assert!(!verify("ServiceAppSecret", ""));
        assert!(!verify("AnotherSecret", "P206d+JzP37FLKBDkD689wqnl4k="));
    }
}
