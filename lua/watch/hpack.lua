-- The watchman on field blocks: every block decodes, within the table that we allowed (RFC 7541, RFC 9113 section 4.3).
local hpack = {}

-- Decoding errors by their status (docs/engine.md); the rest is RFC7541-3.2-5. The bounds of our decoder accuse nobody.
local RULES = {
  ["update-large"] = "RFC7541-4.2-1",
  ["limit"] = false, ["memory"] = false, ["stopped"] = false,
}

local function place(event)
  return ("%s on stream %d"):format(event.name, event.stream)
end

--- Looks at a block that could not be decoded.
function hpack.broken(watch, conn, event)
  local problem = event.field_error
  local rule = RULES[problem.status]
  if rule ~= false then
    watch:report(conn, event, rule or "RFC7541-3.2-5", ("%s: at octet %d of the field block: %s"):format(place(event),
      problem.offset, problem.message))
  end
end

--- Looks at the size updates of a block: a larger table is used only after the setting was acknowledged (4.3.1).
function hpack.updates(watch, conn, event)
  for _, field in ipairs(event.fields) do
    if field.kind ~= "size_update" then
      return
    elseif field.size > watch:table_limit() then
      watch:report(conn, event, "RFC9113-4.3.1-2", ("%s: a table of %d octets, before the setting was acknowledged")
        :format(place(event), field.size))
    end
  end
end

return hpack
