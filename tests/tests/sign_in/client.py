"""An OAuth 2 client (RFC 6749) that knows nothing of the daemon: python's standard library only.

Called with the api's address, a user's name and password, and a client's id and secret. Prints one line for each step.
"""

import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE, USER, PASSWORD, CLIENT, SECRET = sys.argv[1:]


def call(method, path, body=None, headers=None):
    request = urllib.request.Request(BASE + path, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or b"null")


def token(headers=None, **fields):
    headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return call("POST", "/api/token", urllib.parse.urlencode(fields).encode(), headers)


def given(answer, refreshes=True):
    status, headers, body = answer
    assert status == 200, answer
    # RFC 6749, section 5.1.
    assert headers["Content-Type"].startswith("application/json"), headers
    assert headers["Cache-Control"] == "no-store" and headers["Pragma"] == "no-cache", headers
    assert body["token_type"].lower() == "bearer" and body["expires_in"] > 0, body
    assert ("refresh_token" in body) == refreshes, body
    return body


def refused(answer, error):
    status, _, body = answer
    # RFC 6749, section 5.2.
    assert (status, body["error"]) == (400, error), answer
    assert isinstance(body["error_description"], str), body


def records(access):
    status, _, _ = call("GET", "/api/spaces/accesstokens/1", headers={"Authorization": "Bearer " + access})
    return status


first = given(token(grant_type="password", username=USER, password=PASSWORD))
assert records(first["access_token"]) == 404, "signed in, and there is no such record"
assert records(first["access_token"] + "x") == 401
print("password")

second = given(token(grant_type="refresh_token", refresh_token=first["refresh_token"]))
assert records(first["access_token"]) == records(second["access_token"]) == 404
refused(token(grant_type="refresh_token", refresh_token=first["refresh_token"]), "invalid_grant")
refused(token(grant_type="refresh_token", refresh_token=second["refresh_token"]), "invalid_grant")
print("refresh_token")

machine = given(token(grant_type="client_credentials", client_id=CLIENT, client_secret=SECRET), refreshes=False)
basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
by_basic = given(token({"Authorization": basic}, grant_type="client_credentials"), refreshes=False)
assert records(machine["access_token"]) == records(by_basic["access_token"]) == 401, "without the role for it"
print("client_credentials")

refused(token(grant_type="password", username=USER), "invalid_request")
refused(token(grant_type="implicit"), "unsupported_grant_type")
body = json.dumps({"grant_type": "password", "username": USER, "password": PASSWORD}).encode()
refused(call("POST", "/api/token", body, {"Content-Type": "application/json"}), "unsupported_grant_type")
refused(token(grant_type="password", username=USER, password=PASSWORD + "x"), "invalid_grant")
print("errors")
