"""A person in a browser without JavaScript: keeps cookies, follows redirects, signs in, and allows what an application asks."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx


class Person:
    def __init__(self, base, email, password):
        self.base, self.email, self.password = base, email, password
        self.browser = httpx.Client(timeout=30, headers={"Accept": "text/html"})

    def visit(self, address):
        """Opens the address, and follows it through the pages until it leaves the server. Returns where it leads."""
        answer = self.browser.get(address)
        for _ in range(20):
            if answer.status_code == 303:
                following = urljoin(self.base, answer.headers["location"])
                if not following.startswith(f"{self.base}/"):
                    return following
                answer = self.browser.get(following)
                continue
            assert answer.status_code == 200, answer.text
            action, fields = own_form(answer.text)
            if "password" in fields:
                fields |= {"email": self.email, "password": self.password}
            ours = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
            answer = self.browser.post(urljoin(str(answer.url), action), data=fields, headers=ours)
        raise AssertionError("the pages do not end")


def own_form(page):
    """The form that signs in or allows: its action, and its fields with those that are hidden."""
    reader = Forms()
    reader.feed(page)
    for action, fields in reader.forms:
        if "password" in fields or "allow" in fields.values():
            return action, fields
    raise AssertionError(page)


class Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append((attributes.get("action", ""), {}))
        is_other = tag == "button" and attributes.get("value") != "allow"
        if self.forms and tag in ("input", "button") and attributes.get("name") and not is_other:
            self.forms[-1][1][attributes["name"]] = attributes.get("value", "")
