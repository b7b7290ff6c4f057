"""A client of the record API as public ones are written: form-encoded bodies, HTTP Basic, nothing but the standard library.

python3 records.py BASE USER PASSWORD: exits with 0 when every call was answered as that API's documents say.
"""

import base64
import csv
import io
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE, USER, PASSWORD = sys.argv[1:]
TOKENS = BASE + "/api/spaces/accesstokens"


def call(method, url, fields=None, password=PASSWORD, body=None, media_type=None):
    """Status, headers and body of one call; `fields` go as a form."""
    if fields is not None:
        body = urllib.parse.urlencode(fields).encode()
        media_type = "application/x-www-form-urlencoded"
    request = urllib.request.Request(url, data=body, method=method)
    if media_type:
        request.add_header("Content-Type", media_type)
    credentials = base64.b64encode(f"{USER}:{password}".encode()).decode()
    request.add_header("Authorization", "Basic " + credentials)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def asked(method, url, fields=None, expected=200, **more):
    status, _, body = call(method, url, fields, **more)
    assert status == expected, f"{method} {url} {fields}: {status} {body!r}"
    return json.loads(body)


def written(answer):
    names = {"Status", "Message", "Value", "WasSuccessful", "OpenInDialog", "RedirectURL", "JavaScript", "Errors"}
    assert set(answer) == names, answer
    assert answer["Status"] == 200 and answer["WasSuccessful"] is True and answer["Errors"] is None, answer
    return answer["Value"]


def one_record():
    token = {"BusinessId": 1377, "AccessCode": "00001", "MinutesIncluded": 60, "MinutesLeft": 60}
    made = asked("POST", TOKENS, token)
    assert made["Message"] == "Record '00001' has been succesfully created.", made
    token["Id"] = written(made)["Id"]
    record = asked("GET", f"{TOKENS}/{token['Id']}")
    assert record["AccessCode"] == "00001" and record["MinutesLeft"] == 60, record
    token.update(MinutesIncluded=90, Description="Zo\u00eb & co", MinutesLeft=1)
    assert written(asked("PUT", TOKENS, token)) == {"Id": token["Id"]}
    record = asked("GET", f"{TOKENS}/{token['Id']}")
    assert record["MinutesLeft"] == 90 and record["Description"] == "Zo\u00eb & co", record
    assert record["ToStringText"] == record["Description"], record
    again = asked("POST", TOKENS, {"BusinessId": 1, "AccessCode": "0-000I", "MinutesIncluded": 1}, 400)
    assert again["Status"] == 500 and again["Errors"][0]["PropertyName"] == "AccessCode", again
    wrong = asked("POST", TOKENS, {"BusinessId": 0, "MinutesIncluded": "x", "UserLimit": 0}, 400)
    assert [error["PropertyName"] for error in wrong["Errors"]] == ["BusinessId", "MinutesIncluded", "UserLimit"], wrong
    assert wrong["Message"].startswith("BusinessId: "), wrong
    return token["Id"]


def many_records(kept):
    order = {"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "NumberOfTokens": 60, "BusinessId": 7, "MinutesIncluded": 30}
    ids = written(asked("POST", TOKENS + "/runcommand", order))["Ids"]
    assert len(ids) == 60 and ids == sorted(ids) and ids[0] > kept, ids
    query = urllib.parse.urlencode({"AccessToken_Business": 7, "size": 50, "page": 2, "orderBy": "Id", "dir": 1})
    page = asked("GET", f"{TOKENS}?{query}")
    assert [record["Id"] for record in page["Records"]] == ids[9::-1], page
    assert (page["TotalItems"], page["TotalPages"], page["HasNextPage"]) == (60, 2, False), page
    assert (page["FirstItem"], page["LastItem"], page["CurrentOrderField"]) == (51, 60, "Id"), page
    for wrong in ("page=0", "size=1001", "orderBy=x", "dir=2", "AccessToken_X=1"):
        assert asked("GET", f"{TOKENS}?{wrong}", expected=400)["WasSuccessful"] is False
    commands = asked("GET", TOKENS + "/commands")
    assert {command["Key"] for command in commands} == {"COMMAND_CREATE_TOKENS_IN_BULK", "COMMAND_DELETE"}
    return ids


def a_table(ids):
    status, headers, table = call("GET", TOKENS + "/export?AccessToken_Business=7")
    assert status == 200 and headers["Content-Type"].startswith("text/csv"), headers
    rows = list(csv.DictReader(io.StringIO(table.decode(), newline="")))
    assert [int(row["Id"]) for row in rows] == ids
    refused = asked("POST", TOKENS + "/import?dryrun=true", expected=400, body=table, media_type="text/csv")
    assert [error["Row"] for error in refused["Errors"]] == list(range(1, 61)), refused
    order = {"Key": "COMMAND_DELETE", "Ids": ids}
    body = json.dumps(order).encode()
    assert asked("POST", TOKENS + "/runcommand", body=body, media_type="application/json")["WasSuccessful"] is True
    again = asked("POST", TOKENS + "/runcommand", body=body, media_type="application/json")
    assert again["WasSuccessful"] is False and again["Status"] == 500, again
    came = written(asked("POST", TOKENS + "/import", body=table, media_type="text/csv"))
    assert came["Rows"] == 60 and len(came["Ids"]) == 60, came
    # In chunks, and with dates of summer and winter, offsets and formulas: what goes out comes in again.
    odd = [
        {"BusinessId": "7", "MinutesIncluded": "5", "AccessCode": "ODD-1", "Description": "=1+1, \"two\"\r\nlines",
         "ValidFrom": "2030-03-31T02:30:00+02:00", "ValidTo": "2030-10-27T02:30:00+01:00", "SystemId": "'@x"},
        {"BusinessId": "7", "MinutesIncluded": "5", "AccessCode": "-0-2", "Description": "\tTab", "ValidFrom": "2030-03-31T01:30",
         "ValidTo": "", "SystemId": "{\"a\": 1}"},
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(odd[0]))
    writer.writeheader()
    writer.writerows(odd)
    pieces = (piece.encode() for piece in text.getvalue().splitlines(keepends=True))
    first = written(asked("POST", TOKENS + "/import", body=pieces, media_type="text/csv"))["Ids"]
    records = [asked("GET", f"{TOKENS}/{number}") for number in first]
    assert [record["ValidFrom"] for record in records] == ["2030-03-31T00:30:00Z", "2030-03-31T01:30:00Z"], records
    assert [record["ValidTo"] for record in records] == ["2030-10-27T01:30:00Z", None], records
    assert [record["Description"] for record in records] == [row["Description"] for row in odd], records
    _, _, out = call("GET", f"{TOKENS}/export?Id={first[0]},{first[1]}")
    cells = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
    assert [row["Description"][0] for row in cells] == ["'", "'"] and cells[1]["AccessCode"] == "'-0-2", cells
    for number in first:
        asked("DELETE", f"{TOKENS}/{number}")
    second = written(asked("POST", TOKENS + "/import", body=out, media_type="text/csv"))["Ids"]
    kept = ("AccessCode", "Description", "ValidFrom", "ValidTo", "SystemId", "MinutesIncluded", "MinutesLeft", "BusinessId")
    for before, number in zip(records, second, strict=True):
        record = asked("GET", f"{TOKENS}/{number}")
        assert [record[name] for name in kept] == [before[name] for name in kept], record
        asked("DELETE", f"{TOKENS}/{number}")
    after = asked("GET", f"{TOKENS}?Id={came['Ids'][0]}")["Records"][0]
    assert after["AccessCode"] == rows[0]["AccessCode"], after


def gone(kept):
    deleted = asked("DELETE", f"{TOKENS}/{kept}")
    assert deleted["Message"] == "The record was deleted successfully." and deleted["Value"] is None, deleted
    assert asked("GET", f"{TOKENS}/{kept}", expected=404) == "Not found"
    denied = asked("GET", TOKENS, expected=401, password="wrong")
    assert denied == {"Message": "Authorization has been denied for this request."}, denied


KEPT = one_record()
a_table(many_records(KEPT))
gone(KEPT)
print("every call was answered as documented")
