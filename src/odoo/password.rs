//! Passwords of database roles: made at random, kept in SSM, and given to PostgreSQL only as a SCRAM verifier.

use rand::Rng as _;
use rand::distr::Alphanumeric;
use secrecy::{ExposeSecret, SecretString};

/// Characters of a password; 40 out of 62 possible ones are more than 238 bits.
const LENGTH: usize = 40;

/// A new password. Letters and digits only: it passes through a shell's environment and connection strings unquoted.
#[must_use]
pub fn generate(random: &mut impl rand::RngCore) -> SecretString {
    let text: String = random.sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect();
    SecretString::from(text)
}

/// What PostgreSQL stores for a password (`SCRAM-SHA-256$...`). Statements contain only this, so the password itself
/// appears in no SQL, and in no log or event of the database or of AWS.
#[must_use]
pub fn verifier(password: &SecretString) -> String {
    postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_holds_no_password() {
        let password = generate(&mut rand::rng());
        let text = verifier(&password);
        assert!(text.starts_with("SCRAM-SHA-256$4096:"), "{text}");
        assert!(!text.contains(password.expose_secret()));
        assert_eq!(password.expose_secret().len(), LENGTH);
    }

    #[test]
    fn a_password_shows_in_no_debug_output() {
        let password = generate(&mut rand::rng());
        assert!(!format!("{password:?}").contains(password.expose_secret()));
    }
}
