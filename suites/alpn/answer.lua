-- The form of the server's answer to ALPN: one extension, in one message, with one name (RFC 7301 section 3.1).
-- The answer is looked at as octets, also where the tester's own TLS refuses it.
suite { "answer", title = "ALPN: the form of the answer", rfc = 7301, section = "3.1",
  modes = { "alpn" }, start = "tcp" }

local VERSIONS = { "1.2", "1.3" }

-- `selects` takes no answer with a fault of form, whatever was selected.
local function sound_answer(conn, version)
  conn:start_tls { alpn = { "h2", "http/1.1" }, max_version = version }
  conn:expect(any_of { selects("h2", "http/1.1"), no_alpn(), tls_alert() })
end

case {
  id = "one-name",
  title = "the answer holds exactly one name",
  req = "RFC7301-3.1-5",
  violate = { "RFC7301-3.1-5", "RFC7301-3.1-5=none" },
  each = VERSIONS,
  run = sound_answer,
}

case {
  id = "lengths",
  title = "the lengths in the answer are right",
  req = "RFC7301-3.1-1",
  each = VERSIONS,
  run = sound_answer,
}

case {
  id = "one-extension",
  title = "the answer holds one ALPN extension",
  req = "RFC8446-4.2-2",
  each = VERSIONS,
  run = sound_answer,
}

case {
  id = "right-message",
  title = "the answer is in ServerHello in TLS 1.2, and in EncryptedExtensions in TLS 1.3",
  req = "RFC8446-4.2-1",
  each = VERSIONS,
  run = sound_answer,
}

case {
  id = "unasked",
  title = "without ALPN in the ClientHello there is none in the answer",
  req = "RFC7301-3.1-8",
  each = VERSIONS,
  run = function(conn, version)
    conn:start_tls { alpn = {}, max_version = version }
    conn:expect(any_of { no_alpn(), tls_alert() })
  end,
}
