"""What `cargo xtask soak --api` adds to schemathesis: who signs in, and the accounts that stay as they are.

Every call is signed in as an administrator of its own, by an access token. Accounts that the run itself stands on are never changed
or deleted: a call that names one is sent under another name. What users do with their own account is done by a user who is
restored after each call; half of the codes and passwords that they show are right.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import struct
import time
import urllib.parse
import urllib.request

import schemathesis

BASE = os.environ["LAB_API"]
ADMINISTRATOR = (os.environ["LAB_ADMIN_USER"], os.environ["LAB_ADMIN_PASSWORD"])
KEPT = ADMINISTRATOR[0].casefold()
OWNER, PASSWORD = "owner@lab.test", "the owner's first password"
chance = random.Random(0)
secret = None


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def call(method, path, body, authorization, media_type="application/json"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": authorization, "Content-Type": media_type}
    request = urllib.request.Request(BASE + path, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def token(name, password, **more):
    form = {"grant_type": "password", "username": name, "password": password, **more}
    body = urllib.parse.urlencode(form).encode()
    return call("POST", "/api/token", body, "", "application/x-www-form-urlencoded")["access_token"]


BEARER = "Bearer " + token(*ADMINISTRATOR)
OWNED = {"Password": PASSWORD, "TwoFactor": False, "Disabled": False, "MustResetPassword": False}
# Half of the devices and codes are these, so that sessions open, change and end.
DEVICES = [f"02:00:00:00:01:{last:02X}" for last in range(16)]
CODES = [f"SOAK-{number}" for number in range(4)]


def make(code):
    token = {"BusinessId": 1, "MinutesIncluded": 600, "UserLimit": 3, "AccessCode": code}
    call("POST", "/api/spaces/accesstokens", token, BEARER)


for code in CODES:
    make(code)
call("POST", "/v1/users", {"Email": OWNER, "Roles": ["AccessToken-List"], "Password": PASSWORD}, BEARER)
owner = basic(OWNER, PASSWORD)


@schemathesis.auth()
class Administrator:
    def get(self, case, context):
        return BEARER

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = data


def one_time_code(ahead):
    """RFC 6238 of the secret drawn last, so many steps ahead: each code is taken once."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + ahead), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7fffffff) % 1_000_000:06}"


def restore():
    global owner
    call("PUT", "/v1/users/" + OWNER, OWNED, BEARER)
    owner = basic(OWNER, PASSWORD)


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    named = (case.path_parameters or {}).get("email")
    if isinstance(named, str) and urllib.parse.unquote(named).casefold() in (KEPT, OWNER):
        case.path_parameters["email"] = "somebody@lab.test"
    if case.path_parameters and "mac" in case.path_parameters and chance.random() < 0.5:
        case.path_parameters["mac"] = chance.choice(DEVICES)
    if path in ("/v1/redemptions", "/v1/check") and isinstance(case.body, dict) and chance.random() < 0.5:
        case.body["AccessCode"] = chance.choice(CODES)
        if path == "/v1/redemptions":
            case.body.update(MacAddress=chance.choice(DEVICES), Zone=0)
    if not path.startswith("/v1/me/"):
        return
    if case.headers and case.headers.get("Authorization") == BEARER:
        case.headers["Authorization"] = owner
    if not isinstance(case.body, dict) or chance.random() < 0.5:
        return
    if path == "/v1/me/password":
        case.body["Current"] = PASSWORD
        if chance.random() < 0.5:
            case.body["New"] = f"another password {chance.random()}"
    elif secret:
        case.body["Code"] = one_time_code(1 if case.method == "DELETE" else 0)


@schemathesis.hook
def after_call(context, case, response):
    global owner, secret
    path = case.operation.path
    if path == "/v1/redemptions" and isinstance(case.body, dict) and response.status_code == 404:
        # Another call has deleted it.
        if case.body.get("AccessCode") in CODES:
            make(case.body["AccessCode"])
    if not path.startswith("/v1/me/"):
        return
    if path == "/v1/me/totp" and case.method == "POST":
        if response.status_code == 200:
            secret = json.loads(response.content)["Secret"]
        elif response.status_code == 204:
            # Whoever has one-time codes signs in by an access token.
            owner = "Bearer " + token(OWNER, PASSWORD, totp=one_time_code(0))
    elif response.status_code == 204:
        restore()
