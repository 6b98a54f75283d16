// What a user does, with jmap-jam as the client. Run by test_jmap_jam_journey.py, which gives the settings as JSON:
// where the client lies, the session's URL, and a token and address for each of two users. Any surprise ends it.

import assert from "node:assert/strict";
import { after, test } from "node:test";

const { client, sessionUrl, ann, bob } = JSON.parse(process.env.JOURNEY);
const { default: JamClient } = await import(client);
const JMAP = "urn:ietf:params:jmap:";
const leaving = new AbortController();
after(() => leaving.abort());

async function connect({ token }) {
  const jam = new JamClient({ sessionUrl, bearerToken: token });
  const accountId = await jam.getPrimaryAccount();
  const [boxes] = await jam.api.Mailbox.get({ accountId, ids: null });
  const roles = Object.fromEntries(boxes.list.filter((box) => box.role).map((box) => [box.role, box.id]));
  return { jam, accountId, roles };
}

// Resolves once the server listens; `changed` then waits for a change of one of these types.
async function listen({ jam }, types) {
  const session = await jam.session;
  const url = session.eventSourceUrl
    .replace("{types}", types).replace("{closeafter}", "state").replace("{ping}", "0");
  const response = await fetch(url, { headers: { authorization: jam.authHeader }, signal: leaving.signal });
  const reader = response.body.getReader();
  await reader.read();
  return async () => {
    let text = "";
    for (let piece; !(piece = await reader.read()).done; ) text += new TextDecoder().decode(piece.value);
    assert.match(text, /event: state/);
  };
}

async function ids({ jam, accountId }, filter) {
  const [found] = await jam.api.Email.query({ accountId, filter });
  return found.ids;
}

async function send(from, { subject, text, attachments = [] }) {
  const { jam, accountId, roles } = from;
  const [identities] = await jam.api.Identity.get({ accountId, ids: null });
  const [sent] = await jam.requestMany((t) => ({
    draft: t.Email.set({
      accountId,
      create: {
        draft: {
          mailboxIds: { [roles.drafts]: true },
          keywords: { $draft: true, $seen: true },
          from: [{ name: "Ann", email: ann.address }],
          to: [{ name: "Bob", email: bob.address }],
          subject,
          bodyValues: { text: { value: text } },
          textBody: [{ partId: "text", type: "text/plain" }],
          attachments,
        },
      },
    }),
    submission: t.EmailSubmission.set({
      accountId,
      create: { send: { emailId: "#draft", identityId: identities.list[0].id } },
      onSuccessUpdateEmail: {
        "#send": { "keywords/$draft": null, mailboxIds: { [roles.sent]: true } },
      },
    }),
  }));
  assert.ok(sent.draft.created.draft.id, JSON.stringify(sent.draft));
  return sent;
}

test("a user signs in with a token and sees mailboxes", async () => {
  const { jam, accountId, roles } = await connect(ann);
  const session = await jam.session;

  assert.equal(session.username, ann.address);
  assert.ok(accountId in session.accounts);
  assert.ok(`${JMAP}submission` in session.capabilities);
  for (const role of ["inbox", "drafts", "sent", "trash"]) assert.ok(roles[role], role);
});

test("a list is one request, with references", async () => {
  const { jam, accountId, roles } = await connect(ann);
  const [answer] = await jam.requestMany((t) => {
    const found = t.Email.query({
      accountId,
      filter: { inMailbox: roles.inbox },
      sort: [{ property: "receivedAt", isAscending: false }],
      calculateTotal: true,
      limit: 2,
    });
    const emails = t.Email.get({ accountId, ids: found.$ref("/ids"), properties: ["subject", "threadId", "preview"] });
    const threads = t.Thread.get({ accountId, ids: emails.$ref("/list/*/threadId") });
    return { found, emails, threads };
  });

  assert.equal(answer.found.total, 3);
  assert.deepEqual(answer.emails.list.map((email) => email.subject), ["three", "two"]);
  assert.equal(answer.threads.list.length, 2);
});

test("a flag is seen by who asks for changes", async () => {
  const user = await connect(ann);
  const { jam, accountId } = user;
  const [{ state }] = await jam.api.Email.get({ accountId, ids: [] });
  const [id] = await ids(user, { subject: "one" });

  await jam.api.Email.set({ accountId, update: { [id]: { "keywords/$flagged": true } } });

  const [changes] = await jam.api.Email.changes({ accountId, sinceState: state });
  assert.deepEqual(changes.updated, [id]);
  assert.deepEqual(await ids(user, { hasKeyword: "$flagged" }), [id]);
});

test("words are found, and where they are is shown", async () => {
  const user = await connect(ann);
  const { jam, accountId } = user;
  const filter = { text: "three" };
  const found = await ids(user, filter);
  const [snippets] = await jam.api.SearchSnippet.get({ accountId, filter, emailIds: found });

  assert.equal(found.length, 1);
  assert.equal(snippets.list[0].subject, "<mark>three</mark>");
});

test("mail with an attachment goes to another user, who hears of it", async () => {
  const [sender, receiver] = [await connect(ann), await connect(bob)];
  const content = Buffer.from(Array.from({ length: 10_000 }, (_, number) => number % 256));
  const blob = await sender.jam.uploadBlob(sender.accountId, content);
  const changed = await listen(receiver, "Email");

  const attachments = [{ blobId: blob.blobId, type: "image/png", name: "plan.png", disposition: "attachment" }];
  await send(sender, { subject: "An outing", text: "To the lighthouse?", attachments });
  await changed();

  const [id] = await ids(receiver, { inMailbox: receiver.roles.inbox });
  const { jam, accountId } = receiver;
  const [got] = await jam.api.Email.get({ accountId, ids: [id], fetchTextBodyValues: true });
  const [email] = got.list;
  assert.equal(email.subject, "An outing");
  assert.equal(email.bodyValues[email.textBody[0].partId].value.trim(), "To the lighthouse?");
  const [attachment] = email.attachments;
  const response = await jam.downloadBlob({
    accountId, blobId: attachment.blobId, mimeType: attachment.type, fileName: attachment.name,
  });
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), content);
  assert.equal((await ids(sender, { inMailbox: sender.roles.sent })).length, 1);
  assert.deepEqual(await ids(sender, { inMailbox: sender.roles.drafts }), []);
});

test("what is refused comes as an error", async () => {
  const { jam, accountId } = await connect(ann);

  await assert.rejects(jam.api.Email.get({ accountId, ids: 1 }), (error) => error.type === "invalidArguments");
});
