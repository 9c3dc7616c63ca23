/* "Did you mean": close words are found, distant ones are not. */
#include "core/base/suggest.h"
#include "tap.h"

static const char *const words[] = {"deploymentInfo", "pluginConfig", "peInfo", "id", "base_dir", "port"};

static void suggests(const char *word, const char *wanted)
{
    char name[160];
    snprintf(name, sizeof name, "%.70s -> %s", word, wanted ? wanted : "nothing");
    is_text(bosun_suggest(word, words, sizeof words / sizeof words[0]), wanted, name);
}

int main(void)
{
    suggests("deploymentinfo", "deploymentInfo");
    suggests("deployment-info", "deploymentInfo");
    suggests("delpoymentInfo", "deploymentInfo");
    suggests("deploymentIfo", "deploymentInfo");
    suggests("pulginConfig", "pluginConfig");
    suggests("base-dir", "base_dir");
    suggests("ID", "id");
    suggests("ids", "id");
    suggests("prot", "port");
    suggests("x", NULL);
    suggests("", NULL);
    suggests("modelArtifact", NULL);
    suggests("a word that is longer than any word of the sixty-four bytes that are looked at", NULL);
    ok(!bosun_suggest("id", words, 0), "no candidates");
    return done();
}
