-- HPACK as the server keeps it: which requirement each decoding error answers, and which representations it
-- has to accept (a guilty peer refuses them, or reads them wrongly).

local hpack_rules = {}

--- Octets of a field list (RFC 9113 section 6.5.2) beyond which the server answers 431.
hpack_rules.LARGEST_LIST = 32768

--- Decoding errors of the engine (status) to the requirements that call them errors.
hpack_rules.errors = {
  truncated = { "RFC7541-5.1-4", "RFC7541-5.2-4" },
  integer = { "RFC7541-5.1-2" },
  ["index-zero"] = { "RFC7541-6.1-1" },
  ["index-range"] = { "RFC7541-2.3.3-1", "RFC7541-2.3.3-2", "RFC7541-2.3.3-3", "RFC7541-4.2-6", "RFC7541-4.3-1",
    "RFC7541-4.4-1", "RFC7541-4.4-3", "RFC7541-4.1-1", "RFC7541-3.2-3", "RFC7541-3.2-4", "RFC7541-2.3.1-1" },
  ["huffman-eos"] = { "RFC7541-5.2-3" },
  ["huffman-padding-long"] = { "RFC7541-5.2-1" },
  ["huffman-padding-bits"] = { "RFC7541-5.2-2" },
  ["update-late"] = { "RFC7541-4.2-3" },
  ["update-large"] = { "RFC7541-6.3-1" },
}

local function kind(name, literal_name)
  return function(field)
    return field.kind == name and (literal_name == nil or (field.index == nil) == literal_name)
  end
end

-- A name by an index that takes two octets where the prefix has 4 bits.
local function static_name(field)
  return field.kind ~= "indexed" and (field.index or 0) >= 15
end

-- A plain literal that takes more octets than it needs.
local function superfluous(field)
  local plain = type(field.huffman) == "table" and not field.huffman.name and not field.huffman.value
  return plain and not field.index and field.length > 3 + #field[1] + #field[2] + (#field[2] >= 127 and 1 or 0)
end

--- Representations that must be accepted: a guilty peer refuses them with COMPRESSION_ERROR, or reads another value
--- (way "misread"). A row with a way of its own is for peers that are guilty in this way only.
hpack_rules.accepted = {
  { ids = { "RFC7541-2.3.1-1" }, when = function(f) return f.kind == "indexed" and f.index <= 61 end },
  { ids = { "RFC7541-3.2-1", "RFC7541-2.3.2-1" }, when = function(f) return f.kind == "indexed" and f.index > 61 end },
  { ids = { "RFC7541-3.2-2" }, when = kind "incremental" },
  { ids = { "RFC7541-6.2.1-1" }, when = kind("incremental", true) },
  { ids = { "RFC7541-3.2-3" }, when = kind "without" },
  { ids = { "RFC7541-6.2.2-1" }, when = kind("without", true) },
  { ids = { "RFC7541-3.2-4" }, when = kind "never" },
  { ids = { "RFC7541-6.2.3-2" }, when = kind("never", true) },
  { ids = { "RFC7541-4.2-5" }, when = kind "size_update" },
  { ids = { "RFC7541-6.3-2" }, when = function(f) return f.kind == "size_update" and f.size == 4096 end },
  { ids = { "RFC7541-5.2-5" }, when = function(f) return f.kind ~= "size_update" and f[2] == "" end },
  { ids = { "RFC7541-5.2-6" }, when = function(f) return type(f.huffman) == "table" and f.huffman.value end },
  { ids = { "RFC7541-5.1-1" },
    when = function(f) return f.kind ~= "size_update" and (#f[1] >= 127 or #f[2] >= 127) end },
  { ids = { "RFC7541-5.1-1" }, way = "index", when = function(f) return f.kind == "indexed" and f.index >= 127 end },
  { ids = { "RFC7541-5.1-1", "RFC7541-2.3.1-1" }, way = "names", when = static_name },
  { ids = { "RFC7541-2.3.1-1" }, way = "misnamed", when = static_name },
  { ids = { "RFC7541-5.1-3" }, way = "silent", when = superfluous },
}

return hpack_rules
