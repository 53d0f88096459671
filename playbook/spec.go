package playbook

// The types in this file define the playbook language. Their yaml tags are its keys, and their doc tags are the help in editors. The schema
// and the lists of allowed keys are made from them.

// spec is a whole file.
type spec struct {
	Name         word                  `yaml:"name" doc:"What this playbook is called in logs and messages."`
	Modes        list[word]            `yaml:"modes" doc:"How the bot takes part in chats: agent (takes pending chats), greeter (takes chats before the visitor has written) or sidekick (answers in chats that humans serve, only when a rule matches). Default: agent."`
	Languages    list[word]            `yaml:"languages" doc:"Language codes, for example en or fi. The bot uses the language of the room. In rooms with any other language, it uses the first one. Default: en."`
	TimeZone     word                  `yaml:"time_zone" doc:"The time zone for opening hours and {time}, for example Europe/Helsinki. Default: UTC."`
	Online       *flag                 `yaml:"online" doc:"true shows the bot as online, so that visitors can open chats when no human is online. false shows it as offline. Default: no change."`
	Inflections  *flag                 `yaml:"inflections" doc:"Whether keywords also match their inflected forms. Default: true."`
	Typos        *flag                 `yaml:"typos" doc:"Whether keywords of five letters or more also match with one letter wrong. Default: false."`
	KeepTalking  *flag                 `yaml:"keep_talking" doc:"Whether the bot continues to answer after a human has written in its chat. Default: false."`
	OpeningHours named[list[word]]     `yaml:"opening_hours" doc:"Named opening hours, for open and closed in when. Each is a list of lines like mon-fri 9-17, sat 10-14 or 2026-12-24 closed."`
	Buttons      named[buttonSpec]     `yaml:"buttons" doc:"Named buttons, to use in lists of buttons. Without value, the name is the value."`
	Attachments  named[attachmentSpec] `yaml:"attachments" doc:"Named attachments, to use in lists of attachments."`
	Greeting     list[caseSpec]        `yaml:"greeting" doc:"What to say after joining a chat. In a list, the first one whose conditions hold is used."`
	Rules        list[ruleSpec]        `yaml:"rules" doc:"The rules. The first rule that matches answers."`
	Fallback     list[caseSpec]        `yaml:"fallback" doc:"What to say when no rule matches. In a list, the first one whose conditions hold is used."`
	Feedback     *feedbackSpec         `yaml:"feedback" doc:"The question for do: ask_feedback, its buttons, and what to say to each answer."`
	Others       word                  `yaml:"others" doc:"What the bot does in organizations and rooms without an override: base (use this playbook as it is) or silent (take no part in chats). Default: base."`
	Overrides    list[overrideSpec]    `yaml:"overrides" doc:"What is different in some organizations or rooms. The first override that fits is used."`
}

// ruleSpec is a rule in the file.
type ruleSpec struct {
	Name word     `yaml:"name" doc:"A short name, for logs and for after, not_after, right_after and overrides."`
	When whenSpec `yaml:"when" doc:"When this rule matches."`
	Say  saySpec  `yaml:"say" doc:"What to say: a text, a message, a list of these, or a map from languages to these."`
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

// guardSpec holds the conditions that do not depend on what the visitor wrote. All of them must hold.
type guardSpec struct {
	Open       list[word] `yaml:"open" doc:"Names of opening_hours. The time must be within one of them."`
	Closed     list[word] `yaml:"closed" doc:"Names of opening_hours. The time must be outside all of them."`
	Mode       list[word] `yaml:"mode" doc:"The bot takes part in the chat in one of these modes."`
	Language   list[word] `yaml:"language" doc:"The chat is in one of these languages. Texts are needed in these languages only."`
	Room       list[word] `yaml:"room" doc:"Names or ids of rooms. The chat is in one of them."`
	After      list[word] `yaml:"after" doc:"One of these rules has answered, or one of these buttons was pressed, earlier in this chat. greeting, fallback and handed_over count, too."`
	NotAfter   list[word] `yaml:"not_after" doc:"None of these rules has answered, and none of these buttons was pressed, earlier in this chat."`
	RightAfter list[word] `yaml:"right_after" doc:"One of these rules gave the bot's last answer in this chat."`
}

// whenSpec holds the conditions of a rule. If it has keywords, a pattern or a button, one of these must match. All the others must hold.
type whenSpec struct {
	Keywords    local[list[word]] `yaml:"keywords" doc:"Words and phrases. One of them must be in the visitor's message, or in the text of the button that was pressed. With * at its end, a word matches all words that begin with it."`
	Pattern     local[list[word]] `yaml:"pattern" doc:"Regular expressions. One of them must match a part of the message. Case does not matter."`
	Button      list[word]        `yaml:"button" doc:"Names or values of buttons. One of these buttons was pressed."`
	WhileQuiet  *flag             `yaml:"while_quiet" doc:"Whether the rule also answers while the bot is quiet, for example because a human has written."`
	Inflections *flag             `yaml:"inflections" doc:"Whether this rule's keywords also match their inflected forms."`
	Typos       *flag             `yaml:"typos" doc:"Whether this rule's keywords also match with one letter wrong."`
	guardSpec
	at pos
}

// messageSpec is a message in the file.
type messageSpec struct {
	Text        local[word]         `yaml:"text" doc:"The text. Every message needs one, even a message with attachments."`
	OneOf       local[list[word]]   `yaml:"one_of" doc:"Several texts to choose from, instead of text."`
	Buttons     list[buttonUse]     `yaml:"buttons" doc:"Buttons under the message: names of buttons, texts, or full buttons."`
	Attachments list[attachmentUse] `yaml:"attachments" doc:"Names of attachments, or full attachments."`
	Template    word                `yaml:"attachment_template" doc:"generic (the default), interaction or external."`
	at          pos
}

// attachmentSpec is an attachment. Its keys are the platform's attributes, except that buttons is another word for actions.
type attachmentSpec struct {
	Title        local[word]     `yaml:"title" doc:"A heading."`
	TitleLinkURL local[word]     `yaml:"title_link_url" doc:"The address that the heading opens."`
	Text         local[word]     `yaml:"text" doc:"A text under the heading."`
	ImageURL     local[word]     `yaml:"image_url" doc:"The address of a picture."`
	ImageLinkURL local[word]     `yaml:"image_link_url" doc:"The address that the picture opens."`
	LinkTarget   word            `yaml:"link_target" doc:"_blank opens links in a new window, _parent in the same page."`
	Buttons      list[buttonUse] `yaml:"buttons" doc:"Names of buttons, texts, or full buttons."`
	Actions      list[buttonUse] `yaml:"actions" doc:"Another word for buttons."`
	at           pos
}

// buttonSpec is a button. Its keys are the platform's attributes, except that link replaces type and value.
type buttonSpec struct {
	Text                     local[word] `yaml:"text" doc:"The text on the button."`
	Value                    local[word] `yaml:"value" doc:"What the button sends when it is pressed, for button in when. For a link_button: the address."`
	Link                     local[word] `yaml:"link" doc:"An address to open. The button becomes a link_button."`
	Type                     word        `yaml:"type" doc:"button or link_button."`
	LinkTarget               word        `yaml:"link_target" doc:"_blank opens the link in a new window, _parent in the same page."`
	Style                    word        `yaml:"style" doc:"The look of the button."`
	DisabledOnSelection      *flag       `yaml:"is_disabled_on_selection" doc:"Whether the button is disabled after it was pressed. Default: true."`
	DisabledOnVisitorMessage *flag       `yaml:"is_disabled_on_visitor_message" doc:"Whether the button is disabled after the visitor writes. Default: false."`
	at                       pos
}

// handOverSpec hands a chat over to a team.
type handOverSpec struct {
	Team        local[word] `yaml:"team" doc:"The team's name. Case does not matter."`
	Humans      *flag       `yaml:"humans" doc:"Whether the team must have a human online, not only a bot. Default: true."`
	Before      stepSpec    `yaml:"before" doc:"What to say if the team is available, before it is invited."`
	After       stepSpec    `yaml:"after" doc:"What to say after the team was invited."`
	Nobody      stepSpec    `yaml:"nobody" doc:"What to say if the team is not available."`
	KeepTalking *flag       `yaml:"keep_talking" doc:"Whether the bot continues to answer after the team was invited. Default: false."`
	at          pos
}

// feedbackSpec is a question about how the chat went, and its answers.
type feedbackSpec struct {
	Say     saySpec          `yaml:"say" doc:"The question. The buttons of the answers come under its last message."`
	Answers list[answerSpec] `yaml:"answers" doc:"The answers to choose from."`
	at      pos
}

type answerSpec struct {
	Button buttonUse `yaml:"button" doc:"The button: a name, a text, or a full button."`
	Say    saySpec   `yaml:"say" doc:"What to say after this answer."`
	Do     doSpec    `yaml:"do" doc:"What to do after saying it."`
	at     pos
}

// overrideSpec is what is different in some organizations or rooms.
type overrideSpec struct {
	Organization list[word]         `yaml:"organization" doc:"Ids of organizations."`
	Room         list[word]         `yaml:"room" doc:"Names or ids of rooms."`
	Modes        list[word]         `yaml:"modes" doc:"Replaces the base's."`
	Languages    list[word]         `yaml:"languages" doc:"Some of the base's languages, in any order."`
	TimeZone     word               `yaml:"time_zone" doc:"Replaces the base's."`
	Online       *flag              `yaml:"online" doc:"Replaces the base's."`
	KeepTalking  *flag              `yaml:"keep_talking" doc:"Replaces the base's."`
	OpeningHours named[list[word]]  `yaml:"opening_hours" doc:"Replaces the base's opening hours with the same names."`
	Greeting     list[caseSpec]     `yaml:"greeting" doc:"Replaces the base's."`
	Rules        list[ruleSpec]     `yaml:"rules" doc:"A rule with the name of a rule in the base replaces it. The other rules come before the base's."`
	Without      list[word]         `yaml:"without" doc:"Names of the base's rules to leave out here. greeting and fallback can be left out, too."`
	Fallback     list[caseSpec]     `yaml:"fallback" doc:"Replaces the base's."`
	Overrides    list[overrideSpec] `yaml:"overrides" doc:"What else is different in some of these organizations or rooms."`
	at           pos
}
