-- The manual page h2probe(1): docs/h2probe.1.in, with what the command line's tables say about commands and options.
local args = require "h2probe.args"
local commands = require "h2probe.args_commands"
local engine = require "h2probe.engine"
local resources = require "h2probe.resources"

local manual = {}

local TEMPLATE <const> = "docs/h2probe.1.in"

--- Text as roff shows it: no escapes, no requests, hyphens that can be copied.
function manual.escaped(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("%s+", " ")
  return (text:gsub("^([.'])", "\\&%1"))
end

local function verbatim(text)
  local lines = { ".nf" }
  for line in text:gmatch "([^\n]*)\n" do
    line = line:gsub("\\", "\\e"):gsub("%-", "\\-")
    lines[#lines + 1] = line:gsub("^([.'])", "\\&%1")
  end
  lines[#lines + 1] = ".fi"
  return table.concat(lines, "\n")
end

-- Tables of argparse to roff ----------------------------------------------------------------------------------------

local function label(option)
  local names = {}
  for i, alias in ipairs(option._aliases) do
    names[i] = ("\\fB%s\\fR"):format(manual.escaped(alias))
  end
  local value = option._minargs > 0 and (" \\fI%s\\fR"):format(manual.escaped(option._argname)) or ""
  return table.concat(names, ", ") .. value
end

local function described(option)
  local default = option._default
  return manual.escaped(option._description .. (default and (" (default: %s)"):format(default) or ""))
end

local function item(option)
  return (".TP\n%s\n%s"):format(label(option), described(option))
end

-- A text that two commands share if they have the same options.
local function items(list)
  local texts = {}
  for i, option in ipairs(list) do
    texts[i] = item(option)
  end
  return table.concat(texts, "\n")
end

local function visible(list, wanted)
  local found = {}
  for _, element in ipairs(list) do
    if not element._hidden and (not wanted or wanted(element)) then
      found[#found + 1] = element
    end
  end
  return found
end

-- Options that every command has, by their text: they are told once.
local function common_texts(parser)
  local count = {}
  for _, command in ipairs(parser._commands) do
    for _, option in ipairs(visible(command._options)) do
      count[item(option)] = (count[item(option)] or 0) + 1
    end
  end
  local common = {}
  for text, times in pairs(count) do
    common[text] = times == #parser._commands or nil
  end
  return common
end

-- "run [URL] [SELECTION...]": the word of the command bold, names of values in italics.
local function synopsis(text)
  local name, rest = text:match "^(%S+)(.*)$"
  rest = manual.escaped(rest):gsub("[%u_]%u+", "\\fI%0\\fR"):gsub("\\%-\\%-%l+", "\\fB%0\\fR")
  return ("\\fBh2probe %s\\fR%s"):format(name, rest)
end

local function command_text(command, usage, common, seen)
  local lines = { ".SS " .. synopsis(usage), manual.escaped(command._description) }
  for _, argument in ipairs(visible(command._arguments)) do
    lines[#lines + 1] = ".PP\n" .. manual.escaped(argument._description)
  end
  local own = items(visible(command._options, function(option) return not common[item(option)] end))
  if seen[own] then
    lines[#lines + 1] = (".PP\nIts options are those of \\fB%s\\fR."):format(seen[own])
  elseif own ~= "" then
    seen[own] = command._name
    lines[#lines + 1] = own
  end
  return table.concat(lines, "\n")
end

-- The parts that the template names ------------------------------------------------------------------------------------

local parts = {}

function parts.VERSION()
  return engine.version
end

function parts.SYNOPSIS()
  local lines = {}
  for i, row in ipairs(commands.LIST) do
    lines[i] = synopsis(row[1])
  end
  return table.concat(lines, "\n.br\n")
end

function parts.COMMANDS(parser)
  local common, seen, texts = common_texts(parser), {}, {}
  for i, command in ipairs(parser._commands) do
    texts[i] = command_text(command, commands.LIST[i][1], common, seen)
  end
  return table.concat(texts, "\n")
end

function parts.COMMON(parser)
  local common = common_texts(parser)
  local shared = visible(parser._commands[1]._options, function(option) return common[item(option)] end)
  local alone = visible(parser._options, function(option) return not common[item(option)] end)
  return items(shared) .. "\n" .. items(alone)
end

function parts.EXIT_STATUS()
  return verbatim(commands.EXIT_STATUS:gsub("^exit status:\n", ""))
end

--- The page, as roff for man(7).
function manual.page()
  local parser = args.parser()
  local page = assert(resources.read(TEMPLATE)):gsub("@([A-Z_]+)@", function(name)
    return assert(parts[name], name)(parser)
  end)
  return page
end

return manual
