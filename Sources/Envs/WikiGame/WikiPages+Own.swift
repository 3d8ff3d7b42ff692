extension WikiPages {
    /// A small encyclopedia of our own: every page that can be drawn is reached from every other. Two pages lead nowhere.
    static let ownText = #"""
        {"title":"Water","text":"Water falls as rain and rises again as vapour.",\#
        "links":["River","Sea","Rain","Ice","Steam"]}
        {"title":"River","text":"A river carries water from the hills to the sea.",\#
        "links":["Water","Sea","Bridge","Fish","Valley"]}
        {"title":"Sea","text":"The sea covers most of the Earth and is salty.",\#
        "links":["Salt","Tide","Fish","Ship","Earth"]}
        {"title":"Rain","text":"Rain is water that falls from clouds.","links":["Cloud","Water","Umbrella","Field"]}
        {"title":"Cloud","text":"A cloud is made of tiny drops that float on air.",\#
        "links":["Rain","Air","Sky","Lightning"]}
        {"title":"Lightning","text":"Lightning is a spark between cloud and ground.",\#
        "links":["Cloud","Electricity","Fire","Thunder"]}
        {"title":"Thunder","text":"Thunder is the sound of air that lightning heats.",\#
        "links":["Sound","Lightning","Air"]}
        {"title":"Sound","text":"Sound is a wave in air, water or wood.","links":["Air","Music","Ear","Thunder"]}
        {"title":"Music","text":"Music orders sounds in time.","links":["Sound","Violin","Piano","Song"]}
        {"title":"Violin","text":"A violin has four strings and a bow of horsehair.","links":["Wood","Horse","Music"]}
        {"title":"Piano","text":"A piano strikes its strings with felt.","links":["Felt","Wood","Music"]}
        {"title":"Song","text":"A song is music with words.","links":["Music","Language","Bird"]}
        {"title":"Bird","text":"Birds have feathers, and most of them fly.",\#
        "links":["Feather","Egg","Song","Sky","Tree"]}
        {"title":"Feather","text":"A feather is light and keeps a bird warm.","links":["Bird","Pen"]}
        {"title":"Pen","text":"A pen puts ink on paper.","links":["Paper","Feather","Writing"]}
        {"title":"Paper","text":"Paper is made of fibres of wood.","links":["Wood","Book","Pen","Water"]}
        {"title":"Book","text":"A book is a bundle of printed paper.","links":["Paper","Printing","Library"]}
        {"title":"Printing","text":"Printing copies a text many times.","links":["Book","Lead","Newspaper"]}
        {"title":"Newspaper","text":"A newspaper tells what happened yesterday.","links":["Printing","City","Writing"]}
        {"title":"Library","text":"A library keeps books and lends them.","links":["Book","City","School"]}
        {"title":"School","text":"A school teaches to read, write and count.",\#
        "links":["Writing","Number","Language","Library"]}
        {"title":"Writing","text":"Writing makes words last.","links":["Language","Pen","Book","Clay"]}
        {"title":"Language","text":"A language says anything to those who share it.",\#
        "links":["Writing","Song","School"]}
        {"title":"Number","text":"Numbers count things and measure them.","links":["School","Money","Clock"]}
        {"title":"Money","text":"Money is what people take in exchange.","links":["Gold","Number","Market"]}
        {"title":"Gold","text":"Gold is a soft yellow metal that never rusts.","links":["Metal","Money","River"]}
        {"title":"Metal","text":"Metals shine and carry heat and current.","links":["Iron","Gold","Lead","Electricity"]}
        {"title":"Iron","text":"Iron is strong and cheap, and it rusts.","links":["Metal","Bridge","Rust","Earth"]}
        {"title":"Rust","text":"Rust is iron that has taken up oxygen.","links":[]}
        {"title":"Lead","text":"Lead is a heavy, soft metal.","links":["Metal","Printing"]}
        {"title":"Bridge","text":"A bridge carries a road over a river.","links":["Iron","River","Road","Stone"]}
        {"title":"Road","text":"A road joins one place to another.","links":["City","Bridge","Cart","Stone"]}
        {"title":"Cart","text":"A cart has wheels and is pulled.","links":["Wheel","Horse","Road"]}
        {"title":"Wheel","text":"A wheel turns about its axle.","links":["Cart","Wood","Clock"]}
        {"title":"Clock","text":"A clock shows the time of day.","links":["Number","Wheel","Sun"]}
        {"title":"Sun","text":"The sun is the star that lights the Earth.","links":["Star","Light","Earth","Clock"]}
        {"title":"Star","text":"A star is a ball of hot gas that shines.","links":["Sun","Sky","Light"]}
        {"title":"Sky","text":"The sky is what one sees above.","links":["Star","Cloud","Moon","Bird"]}
        {"title":"Moon","text":"The moon goes round the Earth once a month.","links":["Earth","Tide","Sky"]}
        {"title":"Tide","text":"Tides rise and fall because the moon pulls the sea.","links":["Moon","Sea"]}
        {"title":"Earth","text":"The Earth is the third planet from the sun.","links":["Sun","Moon","Sea","Stone"]}
        {"title":"Air","text":"Air is a mixture of gases, most of it nitrogen.","links":["Cloud","Sound","Wind","Fire"]}
        {"title":"Wind","text":"Wind is air that moves.","links":["Air","Ship","Mill","Cloud"]}
        {"title":"Mill","text":"A mill grinds grain between two stones.","links":["Grain","Stone","Wind","River"]}
        {"title":"Grain","text":"Grain is the seed of grasses such as wheat.","links":["Field","Bread","Mill","Grass"]}
        {"title":"Bread","text":"Bread is baked of flour, water and salt.","links":["Grain","Salt","Fire","Market"]}
        {"title":"Salt","text":"Salt is won from the sea and from mines.","links":["Sea","Bread","Fish"]}
        {"title":"Fish","text":"Fish breathe water with gills.","links":["Water","Sea","Salt","Market"]}
        {"title":"Market","text":"On a market people sell what they have made.",\#
        "links":["Money","Bread","Fish","City","Wool"]}
        {"title":"City","text":"A city is where many people live close together.",\#
        "links":["Market","Road","Library","River"]}
        {"title":"Ship","text":"A ship carries people and goods over the sea.","links":["Sea","Wind","Wood","Iron"]}
        {"title":"Wood","text":"Wood is the hard part of trees.","links":["Tree","Fire","Paper","Ship"]}
        {"title":"Tree","text":"A tree is a tall plant with a trunk.","links":["Wood","Leaf","Bird","Apple"]}
        {"title":"Leaf","text":"Leaves catch light for a plant.","links":["Light","Tree","Grass"]}
        {"title":"Apple","text":"An apple is a fruit with a core of seeds.","links":["Tree","Market","Bee"]}
        {"title":"Bee","text":"Bees gather nectar and make honey.","links":["Honey","Flower","Apple"]}
        {"title":"Honey","text":"Honey is sweet and keeps for years.","links":["Bee","Sugar","Bread"]}
        {"title":"Sugar","text":"Sugar is sweet and dissolves in water.","links":["Honey","Water"]}
        {"title":"Flower","text":"A flower becomes a fruit.","links":["Bee","Leaf","Field"]}
        {"title":"Field","text":"A field is land that is sown.","links":["Grain","Rain","Flower","Horse"]}
        {"title":"Grass","text":"Grass is what sheep and horses eat.","links":["Sheep","Horse","Grain","Leaf"]}
        {"title":"Sheep","text":"Sheep are kept for their wool.","links":["Wool","Grass","Valley"]}
        {"title":"Wool","text":"Wool is spun to yarn and woven to cloth.","links":["Sheep","Felt","Market"]}
        {"title":"Felt","text":"Felt is wool that has been pressed.","links":[]}
        {"title":"Horse","text":"A horse can carry a rider or pull a cart.","links":["Grass","Cart","Field"]}
        {"title":"Valley","text":"A valley lies between hills.","links":["River","Mountain","Sheep"]}
        {"title":"Mountain","text":"A mountain rises high above the land.","links":["Ice","Stone","Valley","Cloud"]}
        {"title":"Ice","text":"Ice is frozen water.","links":["Water","Mountain"]}
        {"title":"Steam","text":"Steam is hot water vapour; it once drove ships.","links":["Water","Ship","Fire"]}
        {"title":"Fire","text":"Fire gives light and heat.","links":["Light","Wood","Steam","Clay"]}
        {"title":"Clay","text":"Clay becomes hard in fire.","links":["Fire","Earth","Writing","Pot"]}
        {"title":"Pot","text":"A pot holds what is cooked.","links":["Clay","Fire","Bread"]}
        {"title":"Light","text":"Light is the fastest thing there is.","links":["Sun","Eye","Electricity","Leaf"]}
        {"title":"Eye","text":"With eyes one sees.","links":["Light","Ear","Glass"]}
        {"title":"Ear","text":"With ears one hears.","links":["Sound","Eye"]}
        {"title":"Glass","text":"Glass is melted sand.","links":["Fire","Sand","Light"]}
        {"title":"Sand","text":"Sand is stone in small grains.","links":["Stone","Glass","Sea"]}
        {"title":"Stone","text":"Stone is what mountains are made of.","links":["Mountain","Sand","Bridge","Mill"]}
        {"title":"Electricity","text":"Electricity is charge that moves.","links":["Light","Metal","Lightning"]}
        {"title":"Egg","text":"Out of an egg comes a bird, a fish or a snake.","links":["Bird","Fish","Market"]}
        {"title":"Umbrella","text":"An umbrella keeps off the rain.","links":["Rain","Sun"]}
        {"title":"Mercury","text":"Mercury may be a planet, a metal or a god.",\#
        "links":["Metal","Sun"],"disambiguation":true}
        """#
}
