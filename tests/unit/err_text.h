/* An error's whole text, as the rim makes it. */
#include "core/base/err.h"

static inline const char *err_text(const bosun_err *err)
{
    static char storage[BOSUN_ERR_FILE_MAX + BOSUN_ERR_PATH_MAX + BOSUN_ERR_MESSAGE_MAX + 64];
    bosun_buf text = bosun_buf_fixed(storage, sizeof storage);
    storage[0] = '\0';
    bosun_err_text(&text, err);
    return storage;
}
