"""From evidence to findings and verdicts: small, pure, and in one place for each verb."""
