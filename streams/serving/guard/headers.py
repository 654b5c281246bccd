"""What every answer tells the browser about what it may do with it. PURE."""

ALWAYS = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),  # with none, a form's own Origin would be null
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        ", ".join(
            f"{feature}=()"
            for feature in (
                "camera",
                "display-capture",
                "geolocation",
                "hid",
                "microphone",
                "payment",
                "usb",
            )
        ),
    ),
)
"""On whatever is served."""
CLOSED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Of what is no page: the API, problems, redirections."""


def sign_in_policy(style_nonce: str) -> str:
    """Return the policy of the sign-in page: its own style, its own form, nothing else."""
    return f"default-src 'none'; style-src 'nonce-{style_nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
