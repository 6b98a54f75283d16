"""Mail out: what may be sent, the queue of what is under way, the attempts, and what is told of them.

`envelope`, `prepare`, `schedule`, `outcome` and `dsn` decide and are pure; `queue` notes in a draft. `attempt` runs
the tasks "send" (an EmailSubmission) and "transmit" (mail that the site itself sends), `reports` the task "report"
(what comes back tells how a submission fared). This room never sees JMAP requests or SMTP connections.
RFC 5321, RFC 6409, RFC 3461, RFC 3464, RFC 4865, RFC 8621 §7.
"""
