"""GetCallerIdentity by a presigned URL: LocalStack looks for the caller in a header only, and checks no signature."""

from urllib.parse import urlsplit

from moto.sts.exceptions import STSClientError
from moto.sts.responses import TokenResponse

import slipway_presigned

identity_of_header = TokenResponse.get_caller_identity


class SignatureDoesNotMatch(STSClientError):
    code = 403

    def __init__(self):
        super().__init__("SignatureDoesNotMatch", "The request signature does not match")


def get_caller_identity(self):
    query = urlsplit(self.uri).query
    key = slipway_presigned.access_key_of(query)
    if not key:
        return identity_of_header(self)
    role = self.backend.get_assumed_role_from_access_key(key)
    headers = {name.lower(): value for name, value in self.headers.items()}
    if not role or not slipway_presigned.is_signed(query, headers, role.secret_access_key):
        raise SignatureDoesNotMatch()
    self.access_key = key
    self.get_access_key = lambda: key
    return identity_of_header(self)


def install():
    TokenResponse.get_caller_identity = get_caller_identity
