-- Outcomes of a TLS handshake: tls_alert, selects, no_alpn (RFC 8446 section 6, RFC 7301 section 3).
--
-- What the server answered counts even where our own TLS refuses it; that our TLS gives up for other reasons proves nothing.
local evidence = require "h2probe.evidence"

local tls = {}

local function fail(text)
  return { verdict = "fail", observed = text }
end

local function names_text(names)
  local shown = {}
  for position, name in ipairs(names) do
    shown[position] = ("'%s'"):format(evidence.printable(name))
  end
  return table.concat(shown, ", ")
end

-- What is wrong with the form of the answer (RFC 7301 section 3.1, RFC 8446 section 4.2), or nil.
local function bad_form(info)
  local answers = info.answers or {}
  local answer = answers[1]
  if #answers > 1 then
    return ("%d ALPN extensions in the answer"):format(#answers)
  elseif answer and not answer.names then
    return "the ALPN extension of the answer is no list of names"
  elseif answer and #answer.names > 1 then
    return ("%d names in the answer: %s"):format(#answer.names, names_text(answer.names))
  elseif answer and answer.misplaced then
    return "the answer to ALPN is in ServerHello, not in EncryptedExtensions"
  end
end

-- What the answer says, in words; nil without one.
local function answer_text(info)
  return bad_form(info) or info.selected and names_text { info.selected } .. " was selected"
end

-- Why there is no handshake: a verdict, or nil while that is open.
local function no_handshake(view)
  local info = view.tls or {}
  if view.handshake_over_time then
    return { verdict = "fail", silent = true, observed = ("no TLS handshake within %g s"):format(view.seconds) }
  elseif info.alert then
    return fail("TLS alert " .. info.alert)
  elseif view.ended and view.ended.how == "tls_error" then
    return { verdict = "inconclusive", observed = "the tester's own TLS gave up: " .. tostring(view.ended.text) }
  elseif view.ended then
    return { verdict = "fail", silent = true, observed = "the end of the connection instead of a TLS handshake" }
  end
end

local function is_one_of(name, names)
  for _, each in ipairs(names) do
    if each == name then
      return true
    end
  end
  return false
end

--- One of these names was selected, in a sound answer. What our own TLS has against the rest of it does not matter.
function tls.selects(spec, view)
  local info = view.tls or {}
  local wrong = bad_form(info)
  if wrong then
    return fail(wrong)
  elseif info.selected and not is_one_of(info.selected, spec.names) then
    return fail(answer_text(info))
  elseif info.selected and (view.secure or view.ended and view.ended.how == "tls_error") then
    return { verdict = "pass", observed = answer_text(info) }
  elseif view.secure then
    return fail "the handshake was completed without ALPN"
  end
  return no_handshake(view)
end

--- The handshake was completed, and no name was selected.
function tls.no_alpn(_, view)
  local info = view.tls or {}
  if answer_text(info) then
    return fail(answer_text(info))
  elseif view.secure then
    return { verdict = "pass", observed = "the handshake was completed without ALPN" }
  end
  return no_handshake(view)
end

-- That the server goes on with a handshake, in words, or nil. Nothing can come of it after a forged ClientHello (there its
-- ServerHello tells), nor where our TLS refuses what was selected.
local function goes_on(view)
  local info = view.tls or {}
  if view.secure then
    return ("the TLS handshake succeeded (ALPN %s)"):format(evidence.printable(info.alpn or "not answered"))
  elseif answer_text(info) and (view.forged or view.ended and view.ended.how == "tls_error") then
    return answer_text(info)
  elseif info.server_hello and view.forged then
    return "a ServerHello: the ClientHello was accepted"
  end
end

--- The handshake ended with this alert (RFC 8446 section 6); other alerts and a plain close come with a note.
function tls.alert(spec, view)
  local info = view.tls or {}
  local alert = info.alert or view.ended and view.ended.how == "alert" and view.ended.alert_name
  local accepted = goes_on(view)
  if accepted and view.forged and info.hello_retried then
    return { verdict = "inconclusive", observed = "HelloRetryRequest: the second ClientHello is not the one of the case" }
  elseif accepted then
    return fail(accepted)
  elseif alert and alert ~= "close_notify" then
    local wanted = #spec.names == 0 or is_one_of(alert, spec.names)
    return { verdict = "pass", observed = "TLS alert " .. alert, notes = not wanted
      and { ("the alert was %s"):format(alert) } or nil }
  elseif view.handshake_over_time or view.ended and view.ended.how == "tls_error" then
    return no_handshake(view)
  elseif view.ended then
    return { verdict = "pass", observed = "the end of the connection", notes = { "no TLS alert before the end" } }
  elseif view.timeout then
    return { verdict = "fail", silent = true, observed = ("no TLS alert within %g s"):format(view.seconds) }
  end
end

return tls
