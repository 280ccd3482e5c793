"""Checks a presigned request as STS does, which neither emulator does: whose key it names, and whether the key's secret signed this
very query and these very headers. Source: IAM User Guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
from urllib.parse import parse_qs


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def access_key_of(query):
    """The access key of a presigned query (as it was sent); None when it is not presigned."""
    credential = parse_qs(query).get("X-Amz-Credential", [""])[0]
    return credential.split("/")[0] or None


def is_signed(query, headers, secret):
    """`query` as it was sent; `headers` with names in lower case."""
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    names = fields.get("X-Amz-SignedHeaders", "").split(";")
    parts = sorted(part for part in query.split("&") if not part.startswith("X-Amz-Signature="))
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in names]
    empty = hashlib.sha256(b"").hexdigest()
    canonical = "\n".join(["GET", "/", "&".join(parts), *lines, "", ";".join(names), empty])
    _, date, region, service, end = (fields.get("X-Amz-Credential", "") + "////").split("/")[:5]
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            fields.get("X-Amz-Date", ""),
            f"{date}/{region}/{service}/{end}",
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, end):
        key = digest(key, part)
    return hmac.compare_digest(digest(key, text).hex(), fields.get("X-Amz-Signature", ""))
