package playbook

import "strings"

// irregular maps languages to groups of irregular forms of one word. Forms that are more common with another meaning are left out.
var irregular = map[string][][]string{
	"en": groups(`
be am is are was were been being
begin begins began begun beginning
break breaks broke broken breaking
bring brings brought bringing
build builds built building
bus buses
buy buys bought buying
catch catches caught catching
child children
choose chooses chose chosen choosing
come comes came coming
do does did done doing
drive drives drove driven driving
eat eats ate eaten eating
fall falls fell fallen falling
feel feels felt feeling
find finds found finding
fly flies flew flown flying
foot feet
forget forgets forgot forgotten forgetting
freeze freezes froze frozen freezing
get gets got gotten getting
give gives gave given giving
go goes went gone going
grow grows grew grown growing
half halves
have has had having
hear hears heard hearing
hide hides hid hidden hiding
hold holds held holding
keep keeps kept keeping
knife knives
know knows knew known knowing
leave leaves left leaving
lend lends lent lending
life lives
lose loses lost losing
make makes made making
man men
meet meets met meeting
mouse mice
pay pays paid paying
person persons people
ride rides rode ridden riding
run runs ran running
say says said saying
see sees saw seen seeing
sell sells sold selling
send sends sent sending
shelf shelves
shoot shoots shot shooting
sing sings sang sung singing
sit sits sat sitting
sleep sleeps slept sleeping
speak speaks spoke spoken speaking
spend spends spent spending
stand stands stood standing
steal steals stole stolen stealing
swim swims swam swum swimming
take takes took taken taking
teach teaches taught teaching
tear tears tore torn tearing
tell tells told telling
think thinks thought thinking
throw throws threw thrown throwing
tooth teeth
understand understands understood understanding
wear wears wore worn wearing
wife wives
win wins won winning
woman women
write writes wrote written writing
`),
	"sv": groups(`
bok boken böcker böckerna
fot foten fötter fötterna
ge ger gav gett givit
göra gör gjorde gjort
hand handen händer händerna
kunna kan kunde kunnat
man mannen män männen
natt natten nätter nätterna
stad staden städer städerna
sälja säljer sålde sålt säljs såldes
säga säger sade sa sagt
ta tar tog tagit
tand tanden tänder tänderna
komma kommer kom kommit
skriva skriver skrev skrivit
bli blir blev blivit
få får fick fått
gå går gick gått
välja väljer valde valt
sätta sätter satte satt
hålla håller höll hållit
`),
	"fi": groups(`
tehdä teen teet tekee teemme tekevät tein teki tehnyt tehty
nähdä näen näet näkee näemme näkevät näin näki nähnyt nähty
mies miehen miestä miehet miehiä miesten miehelle
lapsi lapsen lasta lapset lapsia lasten lapselle lapsille
`),
}

func groups(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}
