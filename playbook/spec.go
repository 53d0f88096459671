package playbook

// The types in this file are the playbook language: their tags are its keys, and their docs are the editor's help. The schema and the
// lists of allowed names come from them.

// spec is a whole file.
type spec struct {
	Name         word                  `yaml:"name" doc:"What this playbook is called in logs and messages."`
	Modes        list[word]            `yaml:"modes" doc:"How the bot takes part in chats: agent (takes pending chats), greeter (takes chats before the visitor has written), sidekick (speaks in chats that others serve, only when a rule matches). Without it: agent."`
	Languages    list[word]            `yaml:"languages" doc:"Two-letter codes; the room's language picks, and the first is for rooms in any other language. Without it: en."`
	TimeZone     word                  `yaml:"time_zone" doc:"For opening hours and {time}, such as Europe/Helsinki. Without it: UTC."`
	Online       *flag                 `yaml:"online" doc:"true: show the bot as online, so that visitors can open chats when no human is there; false: show it as offline. Without it: leave it as it is."`
	Inflections  *flag                 `yaml:"inflections" doc:"Whether keywords also match their inflected forms. Without it: true."`
	Typos        *flag                 `yaml:"typos" doc:"Whether keywords of five letters or more also match with one letter wrong. Without it: false."`
	KeepTalking  *flag                 `yaml:"keep_talking" doc:"Whether the bot goes on answering after a human has written in its chat. Without it: false."`
	OpeningHours named[list[word]]     `yaml:"opening_hours" doc:"Hours by name, for open and closed in when: a list of lines such as mon-fri 9-17, sat 10-14, 2026-12-24 closed."`
	Buttons      named[buttonSpec]     `yaml:"buttons" doc:"Buttons by name, to be used in buttons lists. The name is the value unless value says otherwise."`
	Attachments  named[attachmentSpec] `yaml:"attachments" doc:"Attachments by name, to be used in attachments lists."`
	Greeting     list[caseSpec]        `yaml:"greeting" doc:"What to say on joining a chat. A list of several: the first whose when fits."`
	Rules        list[ruleSpec]        `yaml:"rules" doc:"What to answer to what. The first rule that matches answers."`
	Fallback     list[caseSpec]        `yaml:"fallback" doc:"What to say when no rule matches. A list of several: the first whose when fits."`
	Feedback     *feedbackSpec         `yaml:"feedback" doc:"A question with buttons for do: ask_feedback, and what to answer to each."`
	Others       word                  `yaml:"others" doc:"What happens in organizations and rooms that no override names: base (this playbook as it is) or silent. Without it: base."`
	Overrides    list[overrideSpec]    `yaml:"overrides" doc:"What is different in some organizations or rooms. The first that fits holds."`
}

// ruleSpec is a rule.
type ruleSpec struct {
	Name word     `yaml:"name" doc:"A short name, for logs, after, not_after and overrides."`
	When whenSpec `yaml:"when" doc:"When this rule matches."`
	Say  saySpec  `yaml:"say" doc:"What to say: a text, a message, a list of them, or a map from languages to these."`
	Do   doSpec   `yaml:"do" doc:"What to do after saying it."`
	at   pos
}

// caseSpec is a greeting or a fallback.
type caseSpec struct {
	When guardSpec `yaml:"when" doc:"Use it only under these conditions."`
	Say  saySpec   `yaml:"say" doc:"What to say."`
	Do   doSpec    `yaml:"do" doc:"What to do after saying it."`
	at   pos
}

// guardSpec are the conditions that are not about the visitor's words. All that are given must hold.
type guardSpec struct {
	Open       list[word] `yaml:"open" doc:"Names of opening_hours; it must be within one of them."`
	Closed     list[word] `yaml:"closed" doc:"Names of opening_hours; it must be outside all of them."`
	Mode       list[word] `yaml:"mode" doc:"The bot takes part in the chat in one of these ways."`
	Language   list[word] `yaml:"language" doc:"The chat is held in one of these languages. Texts are needed in these only."`
	Room       list[word] `yaml:"room" doc:"Names or ids of rooms."`
	After      list[word] `yaml:"after" doc:"One of these rules has answered, or one of these buttons was pressed, earlier in this chat. greeting, fallback and handed_over count as rules."`
	NotAfter   list[word] `yaml:"not_after" doc:"None of these rules has answered, and none of these buttons was pressed, earlier in this chat."`
	RightAfter list[word] `yaml:"right_after" doc:"One of these rules gave the bot's last answer in this chat."`
}

// whenSpec are a rule's conditions: at least one of keywords, pattern and button (if any is given), and all of the others.
type whenSpec struct {
	Keywords    local[list[word]] `yaml:"keywords" doc:"Words and phrases. One of them must be in the visitor's message, or in the text of the button that was pressed. A word that ends with * matches all words that begin so."`
	Pattern     local[list[word]] `yaml:"pattern" doc:"Regular expressions, matched anywhere in the message and without regard to case."`
	Button      list[word]        `yaml:"button" doc:"Values of buttons. One of them was pressed."`
	WhileQuiet  *flag             `yaml:"while_quiet" doc:"Whether the rule also answers while the bot is quiet because a human has the chat."`
	Inflections *flag             `yaml:"inflections" doc:"Whether this rule's keywords also match their inflected forms."`
	Typos       *flag             `yaml:"typos" doc:"Whether this rule's keywords also match with one letter wrong."`
	guardSpec
	at pos
}

// messageSpec is one message.
type messageSpec struct {
	Text        local[word]         `yaml:"text" doc:"The words. Every message needs some, also one with attachments."`
	OneOf       local[list[word]]   `yaml:"one_of" doc:"Several ways to say it in place of text; one is picked."`
	Buttons     list[buttonUse]     `yaml:"buttons" doc:"Buttons under the message: names of buttons, plain texts, or buttons in full."`
	Attachments list[attachmentUse] `yaml:"attachments" doc:"Names of attachments, or attachments in full."`
	Template    word                `yaml:"attachment_template" doc:"generic (the default), interaction or external."`
	at          pos
}

// attachmentSpec is an attachment in the platform's attribute names, except that buttons may be had for actions.
type attachmentSpec struct {
	Title        local[word]     `yaml:"title" doc:"A heading."`
	TitleLinkURL local[word]     `yaml:"title_link_url" doc:"Where the heading leads."`
	Text         local[word]     `yaml:"text" doc:"Words under the heading."`
	ImageURL     local[word]     `yaml:"image_url" doc:"A picture."`
	ImageLinkURL local[word]     `yaml:"image_link_url" doc:"Where the picture leads."`
	LinkTarget   word            `yaml:"link_target" doc:"_blank opens links in a new window, _parent in the page."`
	Buttons      list[buttonUse] `yaml:"buttons" doc:"Names of buttons, plain texts, or buttons in full."`
	Actions      list[buttonUse] `yaml:"actions" doc:"The platform's word for buttons."`
	at           pos
}

// buttonSpec is a button in the platform's attribute names, except that link may be had for type and value.
type buttonSpec struct {
	Text                     local[word] `yaml:"text" doc:"What stands on the button."`
	Value                    local[word] `yaml:"value" doc:"What comes back when it is pressed, for button in when. For a link_button: the address."`
	Link                     local[word] `yaml:"link" doc:"An address; makes it a link_button."`
	Type                     word        `yaml:"type" doc:"button or link_button."`
	LinkTarget               word        `yaml:"link_target" doc:"_blank opens the link in a new window, _parent in the page."`
	Style                    word        `yaml:"style" doc:"The look of the button."`
	DisabledOnSelection      *flag       `yaml:"is_disabled_on_selection" doc:"Whether it goes dead when it is pressed. Without it: true."`
	DisabledOnVisitorMessage *flag       `yaml:"is_disabled_on_visitor_message" doc:"Whether it goes dead when the visitor writes. Without it: false."`
	at                       pos
}

// handOverSpec hands a chat over to a team.
type handOverSpec struct {
	Team        local[word] `yaml:"team" doc:"The team's name, in any case."`
	Humans      *flag       `yaml:"humans" doc:"Whether the team must have a human online, not just a bot. Without it: true."`
	Before      stepSpec    `yaml:"before" doc:"What to say when the team is there, before it is invited."`
	After       stepSpec    `yaml:"after" doc:"What to say when the team was invited."`
	Nobody      stepSpec    `yaml:"nobody" doc:"What to say when the team is not there."`
	KeepTalking *flag       `yaml:"keep_talking" doc:"Whether the bot goes on answering when the team was invited. Without it: false."`
	at          pos
}

// feedbackSpec asks what the visitor thinks of the chat.
type feedbackSpec struct {
	Say     saySpec          `yaml:"say" doc:"The question. The answers' buttons are put under its last message."`
	Answers list[answerSpec] `yaml:"answers" doc:"The answers to choose from."`
	at      pos
}

type answerSpec struct {
	Button buttonUse `yaml:"button" doc:"The button: a name, a plain text, or a button in full."`
	Say    saySpec   `yaml:"say" doc:"What to say to this answer."`
	Do     doSpec    `yaml:"do" doc:"What to do after that."`
	at     pos
}

// overrideSpec is what is different for some organizations or rooms.
type overrideSpec struct {
	Organization list[word]         `yaml:"organization" doc:"Ids of organizations."`
	Room         list[word]         `yaml:"room" doc:"Names or ids of rooms."`
	Modes        list[word]         `yaml:"modes" doc:"In place of the base's."`
	Languages    list[word]         `yaml:"languages" doc:"Some of the base's languages, perhaps in another order."`
	TimeZone     word               `yaml:"time_zone" doc:"In place of the base's."`
	Online       *flag              `yaml:"online" doc:"In place of the base's."`
	KeepTalking  *flag              `yaml:"keep_talking" doc:"In place of the base's."`
	OpeningHours named[list[word]]  `yaml:"opening_hours" doc:"In place of the base's of the same names."`
	Greeting     list[caseSpec]     `yaml:"greeting" doc:"In place of the base's."`
	Rules        list[ruleSpec]     `yaml:"rules" doc:"A rule with the name of one in the base takes its place; the others come before the base's."`
	Without      list[word]         `yaml:"without" doc:"Names of the base's rules that do not hold here. greeting and fallback may be named, too."`
	Fallback     list[caseSpec]     `yaml:"fallback" doc:"In place of the base's."`
	Overrides    list[overrideSpec] `yaml:"overrides" doc:"What is different again in some of these rooms or organizations."`
	at           pos
}
