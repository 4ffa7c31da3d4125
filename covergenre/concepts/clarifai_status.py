"""What Clarifai's and gRPC's status codes mean for a run."""

from __future__ import annotations

from enum import Enum

import grpc
from clarifai_grpc.grpc.api.status import status_code_pb2

_NAMES: dict[int, str] = {}
for _name, _code in status_code_pb2.StatusCode.items():
    _NAMES.setdefault(_code, _name)


class Meaning(Enum):
    """What is to be done about a status."""

    ANSWERED = "use the answer"
    BUSY = "ask again later"
    QUOTA = "the plan or its limits are used up: stop"
    ACCESS = "the token is refused: stop"
    IMAGE = "this image cannot be used: go on without it"
    REQUEST = "model or settings are refused: stop"


_BUSY = (
    "TRY_AGAIN", "CONN_THROTTLED", "MODEL_DEPLOYING", "MODEL_LOADING",
    "MODEL_QUEUED_FOR_DEPLOYMENT", "MODEL_BUSY_PLEASE_RETRY", "RUNNER_NEEDS_RETRY",
    "RPC_REQUEST_QUEUE_FULL", "RPC_SERVER_UNAVAILABLE", "RPC_REQUEST_TIMEOUT", "RPC_CANCELED",
    "EXTERNAL_CONNECTION_ERROR", "QUEUE_CONN_ERROR", "SERVER_ERROR", "ZERO",
)  # fmt: skip
_QUOTA = (
    "CONN_ACCOUNT_ISSUES", "CONN_EXCEED_HOURLY_LIMIT", "CONN_EXCEED_MONTHLY_LIMIT",
    "CONN_EXCEEDS_LIMITS", "LICENSE_VOLUME_EXCEEDED",
)  # fmt: skip
_ACCESS = (
    "CONN_TOKEN_INVALID", "CONN_CREDENTIALS_INVALID", "CONN_INSUFFICIENT_SCOPES",
    "CONN_KEY_INVALID", "CONN_KEY_NOT_FOUND", "CONN_NO_GDPR_CONSENT", "CONN_AUTH_METHOD_DISABLED",
)  # fmt: skip
_GRPC = {
    grpc.StatusCode.UNAVAILABLE: Meaning.BUSY,
    grpc.StatusCode.DEADLINE_EXCEEDED: Meaning.BUSY,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Meaning.BUSY,
    grpc.StatusCode.ABORTED: Meaning.BUSY,
    grpc.StatusCode.INTERNAL: Meaning.BUSY,  # a stream cut off on the way
    grpc.StatusCode.UNAUTHENTICATED: Meaning.ACCESS,
    grpc.StatusCode.PERMISSION_DENIED: Meaning.ACCESS,
}


def name(code: int) -> str:
    """Of a status code of Clarifai's, as its documentation has it."""
    return _NAMES.get(code, str(code))


def meaning(code: int) -> Meaning:
    """Of a status code of Clarifai's, of a whole answer or of one image in it.

    See "Status Codes" in Clarifai's API guide: 11xxx connection and account, 21xxx model, 30xxx
    input, 471xx media processor, 69xxx billing, 98xxx internal.
    """
    text = name(code)
    if text in ("SUCCESS", "MIXED_STATUS", "FAILURE"):
        return Meaning.ANSWERED
    if text in _BUSY or text.startswith("INTERNAL_"):
        return Meaning.BUSY
    if text in _QUOTA or text.startswith("BILLING_"):
        return Meaning.QUOTA
    if text in _ACCESS:
        return Meaning.ACCESS
    if text.startswith(("INPUT_", "ALL_INPUT_", "MP_")) or text == "MODEL_PREDICTION_FAILED":
        return Meaning.IMAGE
    return Meaning.REQUEST


def rpc_meaning(code: grpc.StatusCode) -> Meaning:
    """Of a status of gRPC's, where there was no answer."""
    return _GRPC.get(code, Meaning.REQUEST)
