-- Every rule of the watchman: the requirement, and how it is proven (h2probe prove).
--
-- A row: { id, guilty = the way of the reference server that breaks it (nil: the default), cases = where an ordinary run
-- has occasion to see it (nil: QUICK), mode = (nil: "prior"), rows about clients: role = "server" }.
-- lasting = its server has to be guilty in more than one place, so it cannot be only once. soft = it is only a warning,
-- whatever the requirement's level. unproven = why no guilty peer can be made to trip it.
local catalogue = {}

-- Enough for all that any connection shows.
catalogue.QUICK = { "http2/ping", "http2/traffic/held-open", "http2/traffic/smaller-table" }
catalogue.QUICK_OF_CLIENTS = { "client/preface/unknown-setting", "client/preface/settings-again" }

local PUSH <const> = { "http2/traffic/push-allowed", "http2/traffic/one-push-allowed" }
local RESET <const> = { "http2/traffic/long-reset" }
local WINDOWS <const> = { "http2/traffic/small-windows" }

catalogue.rules = {
  -- Frames (RFC 9113 sections 3.4, 4 and 6).
  { "RFC9113-3.4-4", guilty = "ping" },
  { "RFC9113-4.1-1" },
  { "RFC9113-4.1-4" },
  { "RFC9113-4.1-5" },
  { "RFC9113-4.2-9", guilty = "sent" },
  { "RFC9113-4.2-10", guilty = "sent" },
  { "RFC9113-4.2-11", guilty = "sent" },
  { "RFC9113-4.2-14" },
  { "RFC9113-6.1-1" },
  { "RFC9113-6.1-7", guilty = "sent" },
  { "RFC9113-6.1-11" },
  { "RFC9113-6.2-1" },
  { "RFC9113-6.2-15", guilty = "sent" },
  { "RFC9113-6.2-21" },
  { "RFC9113-6.3-1", guilty = "sent" },
  { "RFC9113-6.4-8" },
  { "RFC9113-6.5-5" },
  { "RFC9113-6.5-7" },
  { "RFC9113-6.7-1" },
  { "RFC9113-6.7-7" },
  { "RFC9113-6.9-8" },

  -- Field blocks (sections 4.3, 6.2, 6.6, 6.10; RFC 7541).
  { "RFC9113-4.3-2" },
  { "RFC9113-4.3.1-2", cases = { "http2/traffic/larger-table" } },
  { "RFC9113-4.3.1-3", cases = { "http2/traffic/smaller-table" } },
  { "RFC9113-6.2-3" },
  { "RFC9113-6.3-4" },
  { "RFC9113-6.10-2" },
  { "RFC9113-6.10-9" },
  { "RFC7541-3.2-5" },
  { "RFC7541-4.2-1" },

  -- Streams (section 5).
  { "RFC9113-5.1-3", guilty = "sent" },
  { "RFC9113-5.1-17", cases = { "http2/traffic/held-open" } },
  { "RFC9113-5.1-26" },
  { "RFC9113-5.4-1", guilty = "twice" },
  { "RFC9113-5.4.2-2", guilty = "sent" },
  { "RFC9113-5.4.2-4" },
  { "RFC9113-5.4.2-5", guilty = "late-answer", cases = RESET },
  { "RFC9113-6.1-4" },
  { "RFC9113-6.4-1", guilty = "late-answer", cases = RESET },
  { "RFC9113-6.4-4" },
  { "RFC9113-8.1-1", guilty = "elsewhere" },
  { "RFC9113-8.7-1" },

  -- Flow control (section 6.9).
  { "RFC9113-6.9.1-1", guilty = "beyond", cases = WINDOWS },
  { "RFC9113-6.9.1-2", guilty = "beyond", cases = WINDOWS },
  { "RFC9113-6.9.1-5", guilty = "sent" },
  { "RFC9113-6.9.1-6", guilty = "sent" },
  { "RFC9113-6.9.2-7", guilty = "sent" },

  -- SETTINGS, PING, GOAWAY.
  { "RFC9113-6.5.2-5" },
  { "RFC9113-6.5.2-9", guilty = "sent" },
  { "RFC9113-6.5.2-11" },
  { "RFC9113-6.5.3-8" },
  { "RFC9113-6.7-2", guilty = "twice", cases = WINDOWS, soft = true },
  { "RFC9113-6.8-5", soft = true },
  { "RFC9113-6.8-6" },
  { "RFC9113-8.7-2", guilty = "low" },
  { "RFC9113-9.2.2-3", guilty = "1.3", mode = "alpn" },
  { "RFC8441-3-1" },
  { "RFC8441-3-4" },
  { "RFC9218-2.1-1" },
  { "RFC9218-2.1-3" },
  { "RFC9218-2.1-4" },

  -- Frames of extensions.
  { "RFC9218-7.1-10" },
  { "RFC8336-2.1-1" },
  { "RFC8336-2.2-1" },
  { "RFC7838-4-6" },

  -- Messages (section 8).
  { "RFC9113-8.1-2" },
  { "RFC9113-8.1-5" },
  { "RFC9113-8.1-6" },
  { "RFC9113-8.1-7" },
  { "RFC9113-8.1-18", cases = { "messages/exchanges/head" } },
  { "RFC9113-8.1.1-1", guilty = "sent" },
  { "RFC9113-8.1.1-2", guilty = "sent" },
  { "RFC9113-8.1.1-3", guilty = "sent" },
  { "RFC9113-8.2-1" },
  { "RFC9113-8.2.1-2", guilty = "sent" },
  { "RFC9113-8.2.1-3", guilty = "sent" },
  { "RFC9113-8.2.1-4", guilty = "sent" },
  { "RFC9113-8.2.1-5", guilty = "sent" },
  { "RFC9113-8.2.1-6", guilty = "sent" },
  { "RFC9113-8.2.1-7", guilty = "sent" },
  { "RFC9113-8.2.1-8", guilty = "sent" },
  { "RFC9113-8.2.1-9", guilty = "sent" },
  { "RFC9113-8.2.1-10", guilty = "sent" },
  { "RFC9113-8.2.1-11", guilty = "sent" },
  { "RFC9113-8.2.1-12", guilty = "sent" },
  { "RFC9113-8.2.1-13", guilty = "sent" },
  { "RFC9113-8.2.1-14", guilty = "sent" },
  { "RFC9113-8.2.1-15", guilty = "sent" },
  { "RFC9113-8.2.2-1" },
  { "RFC9113-8.3-1" },
  { "RFC9113-8.3-5", guilty = "sent" },
  { "RFC9113-8.3.2-1" },
  { "RFC9113-8.6-1" },

  -- Push (sections 5.1, 6.6, 8.4).
  { "RFC9113-6.5.2-1" },
  { "RFC9113-5.1-11", cases = PUSH },
  { "RFC9113-5.1.1-2", cases = PUSH },
  { "RFC9113-5.1.1-3", cases = PUSH },
  { "RFC9113-5.1.2-2", guilty = "three", cases = { "http2/traffic/one-push-allowed" } },
  { "RFC9113-6.6-1", cases = PUSH },
  { "RFC9113-6.6-2", cases = PUSH },
  { "RFC9113-6.6-4", cases = PUSH },
  { "RFC9113-6.6-6", cases = PUSH },
  { "RFC9113-6.8-1", cases = { "http2/traffic/goodbye" } },
  { "RFC9113-8.4-1", cases = PUSH },
  { "RFC9113-8.4-4", cases = PUSH, soft = true },
  { "RFC9113-8.4.1-1", cases = PUSH },

  -- Negotiation (RFC 7301, RFC 9110 section 7.8, RFC 7540 section 3.2.1), TLS (section 9.2).
  { "RFC7301-3.1-8", mode = "alpn", cases = { "alpn/answer/unasked" } },
  { "RFC9113-9.2.1-3", mode = "alpn", cases = { "alpn/connection/renegotiation-unasked" }, lasting = true },
  { "RFC9113-9.2.3-1", mode = "alpn", cases = { "alpn/connection/certificate-unasked" } },
  { "RFC7301-3.2-3", mode = "alpn", cases = { "alpn/selection" } },
  { "RFC7540-3.2.1-3", mode = "upgrade" },
  { "RFC9110-7.6.1-1", mode = "upgrade" },
  { "RFC9110-7.8-3", mode = "upgrade" },
  { "RFC9110-7.8-7", mode = "upgrade" },

  -- What only clients can break.
  { "RFC9113-3.4-2", role = "server" },
  { "RFC9113-5.1-14", role = "server", unproven = "no case for clients pushes; seen in probes only" },
  { "RFC9113-5.1.1-1", role = "server" },
  { "RFC9113-5.1.2-1", role = "server", cases = { "client/preface/no-streams-yet" } },
  { "RFC9113-6.5.2-3", role = "server" },
  { "RFC9113-8.3.1-3", role = "server" },
  { "RFC9113-8.3.1-10", role = "server" },
  { "RFC9113-8.3.1-13", role = "server" },
  { "RFC9113-8.3.1-14", role = "server" },
  { "RFC9113-8.3.1-20", role = "server" },
  { "RFC9113-8.4-8", role = "server" },
  { "RFC9113-8.5-1", role = "server" },
  { "RFC9218-7.1-1", role = "server" },
}

--- The rows for a tester in this role, in order.
function catalogue.of(role)
  local list = {}
  for _, row in ipairs(catalogue.rules) do
    if (row.role or "client") == role then
      list[#list + 1] = row
    end
  end
  return list
end

return catalogue
