"""GetCallerIdentity by a presigned URL: MiniStack looks for the caller in a header only, and checks no signature."""

import os
import sys
from urllib.parse import quote

from ministack.services import sts

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "localstack-plugin"))

import slipway_presigned  # noqa: E402

handle_request = sts.handle_request


def raw_query(parameters):
    """As the signer wrote it: every value escaped."""
    return "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, values in parameters.items() for value in values
    )


async def handle_presigned(method, path, headers, body, query_params):
    parameters = {name: values if isinstance(values, list) else [values] for name, values in query_params.items()}
    key = (parameters.get("X-Amz-Credential") or [""])[0].split("/")[0]
    if not key:
        return await handle_request(method, path, headers, body, query_params)
    session = sts._sessions.get(key)
    known = {name.lower(): value for name, value in headers.items()}
    if not session or not slipway_presigned.is_signed(raw_query(parameters), known, session["SecretAccessKey"]):
        return sts._error(403, "SignatureDoesNotMatch", "The request signature does not match", ns="sts")
    signed = {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={key}/"}
    return await handle_request(method, path, signed, body, query_params)


sts.handle_request = handle_presigned
