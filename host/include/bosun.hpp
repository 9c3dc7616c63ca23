/* bosun.h for C++20: objects that free themselves, exceptions for errors, views of a status's data.
 *
 *     bosun::options options;
 *     options.log = [](const bosun_log_event &event) { std::clog << event.message << '\n'; };
 *     bosun::host host(std::move(options));
 *     host.load("filesystem", "/etc/bosun/fs.yaml");
 *     bosun::status status = host.run("pe_status", "/run/action.yaml");
 *     std::cout << status.json() << '\n';
 *
 * The rules of bosun.h hold. Functions of the program's may throw: the library does not see that; the call
 * during which it happened throws it again when it returns, and the plugin is not stopped by it. */
#ifndef BOSUN_HPP
#define BOSUN_HPP

#include "bosun.h"
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bosun
{

/* What went wrong, with the fields of bosun_error. */
class error : public std::runtime_error
{
  public:
    explicit error(const bosun_error &fields) : std::runtime_error(fields.message), fields_(fields)
    {
    }
    bosun_error_kind kind() const noexcept
    {
        return fields_.kind;
    }
    std::string_view code() const noexcept
    {
        return fields_.code;
    }
    const bosun_error &fields() const noexcept
    {
        return fields_;
    }

  private:
    bosun_error fields_;
};

/* A view of a value in a status's data. It is valid as long as the status. */
class value
{
  public:
    explicit value(const bosun_value *raw = nullptr) noexcept : raw_(raw)
    {
    }
    bosun_kind kind() const noexcept
    {
        return bosun_value_kind(raw_);
    }
    std::size_t size() const noexcept
    {
        return bosun_value_count(raw_);
    }
    value operator[](std::size_t index) const noexcept
    {
        return value(bosun_value_at(raw_, index));
    }
    value operator[](const char *key) const noexcept
    {
        return value(bosun_value_find(raw_, key));
    }
    value key(std::size_t index) const noexcept
    {
        return value(bosun_value_key_at(raw_, index));
    }
    std::string_view text() const noexcept
    {
        std::size_t len = 0;
        const char *bytes = bosun_value_as_text(raw_, &len);
        return bytes ? std::string_view(bytes, len) : std::string_view();
    }
    std::int64_t integer() const noexcept
    {
        return bosun_value_as_int(raw_);
    }
    double number() const noexcept
    {
        return bosun_value_as_float(raw_);
    }
    bool boolean() const noexcept
    {
        return bosun_value_as_bool(raw_);
    }
    explicit operator bool() const noexcept
    {
        return raw_ != nullptr;
    }

  private:
    const bosun_value *raw_;
};

/* How an action ended. */
class status
{
  public:
    /* Takes it over. raw nullptr: there was no memory for a status. */
    explicit status(bosun_status *raw) : raw_(raw)
    {
        if (!raw)
            throw std::bad_alloc();
    }
    bosun_outcome outcome() const noexcept
    {
        return bosun_status_outcome(raw_.get());
    }
    bool passing() const noexcept
    {
        return outcome() == BOSUN_PASSING;
    }
    std::string_view message() const noexcept
    {
        return view(bosun_status_message(raw_.get()));
    }
    std::string_view state() const noexcept
    {
        return view(bosun_status_state(raw_.get()));
    }
    std::string_view code() const noexcept
    {
        return view(bosun_status_code(raw_.get()));
    }
    double duration() const noexcept
    {
        return bosun_status_duration(raw_.get());
    }
    std::int64_t timestamp() const noexcept
    {
        return bosun_status_timestamp(raw_.get());
    }
    value data()
    {
        return value(bosun_status_data(raw_.get()));
    }
    std::string_view json()
    {
        return text(bosun_status_json);
    }
    std::string_view yaml()
    {
        return text(bosun_status_yaml);
    }

  private:
    struct deleter {
        void operator()(bosun_status *raw) const noexcept
        {
            bosun_status_free(raw);
        }
    };
    static std::string_view view(const char *text) noexcept
    {
        return text ? text : std::string_view();
    }
    std::string_view text(const char *(*make)(bosun_status *, std::size_t *))
    {
        std::size_t len = 0;
        const char *bytes = make(raw_.get(), &len);
        if (!bytes)
            throw std::bad_alloc();
        return {bytes, len};
    }
    std::unique_ptr<bosun_status, deleter> raw_;
};

/* The settings of a host. */
struct options {
    options()
    {
        bosun_options_init(&raw);
    }
    bosun_options raw; /* all but log, phase and find_module, which are set from the functions below */
    std::function<void(const bosun_log_event &)> log;
    std::function<void(bosun_phase)> phase;
    std::function<std::optional<std::string>(std::string_view name)> find_module;
};

/* The settings of a run: "" and negative: the defaults. */
struct run_options {
    std::string config;      /* path, or name of the text */
    std::string config_text; /* "": it is in a file */
    double timeout = BOSUN_TIMEOUT_OF_HOST;
};

/* A Lua state with at most one plugin. It can be moved. */
class host
{
  public:
    explicit host(options settings = {}) : shared_(std::make_unique<shared>())
    {
        shared_->functions = std::move(settings);
        bosun_options raw = shared_->functions.raw;
        connect(raw);
        bosun_error why;
        raw_.reset(bosun_host_new(&raw, &why));
        finish(raw_ != nullptr, why);
    }

    /* private_config "": none. */
    void load(const std::string &plugin, const std::string &private_config = {})
    {
        bosun_error why;
        const char *config = private_config.empty() ? nullptr : private_config.c_str();
        finish(bosun_host_load(raw_.get(), plugin.c_str(), config, &why) == 0, why);
    }
    void load(const bosun_load_options &what)
    {
        bosun_error why;
        finish(bosun_host_load_with(raw_.get(), &what, &why) == 0, why);
    }
    void unload()
    {
        bosun_error why;
        finish(bosun_host_unload(raw_.get(), &why) == 0, why);
    }
    void add_module(const std::string &name, std::string_view source)
    {
        bosun_error why;
        finish(bosun_host_add_module(raw_.get(), name.c_str(), source.data(), source.size(), &why) == 0, why);
    }

    /* A failure is a failing status, not an exception. config "": none. */
    status run(const std::string &action, const std::string &config = {})
    {
        return run(action, run_options{config, {}, BOSUN_TIMEOUT_OF_HOST});
    }
    status run(const std::string &action, const run_options &settings)
    {
        bosun_run_options raw;
        bosun_run_options_init(&raw);
        raw.config = settings.config.empty() ? nullptr : settings.config.c_str();
        raw.config_text = settings.config_text.empty() ? nullptr : settings.config_text.data();
        raw.config_len = settings.config_text.size();
        raw.timeout = settings.timeout;
        status result(bosun_host_run_with(raw_.get(), action.c_str(), &raw));
        rethrow();
        return result;
    }

    std::string describe(bosun_describe_format format)
    {
        bosun_error why;
        std::unique_ptr<char, void (*)(char *)> text(bosun_host_describe(raw_.get(), format, &why),
                                                     bosun_text_free);
        finish(text != nullptr, why);
        return text.get();
    }

    /* The problems of the configs. action and config "": none. */
    struct problem {
        std::string file, path, message;
        unsigned line, column;
    };
    std::vector<problem> validate(const std::string &action, const std::string &config = {})
    {
        std::vector<problem> found;
        bosun_error why;
        auto tell = [](void *data, const bosun_problem *p) noexcept {
            static_cast<std::vector<problem> *>(data)->push_back(
                {p->file ? p->file : "", p->path, p->message, p->line, p->column});
        };
        int count = bosun_host_validate(raw_.get(), action.empty() ? nullptr : action.c_str(),
                                        config.empty() ? nullptr : config.c_str(), tell, &found, &why);
        finish(count >= 0, why);
        return found;
    }

    /* From any thread. */
    void cancel(const char *reason = nullptr) noexcept
    {
        bosun_host_cancel(raw_.get(), reason);
    }
    void reset() noexcept
    {
        bosun_host_reset(raw_.get());
    }
    bosun_host *raw() noexcept
    {
        return raw_.get();
    }

  private:
    /* What the library's callbacks use; its address stays when the host is moved. */
    struct shared {
        options functions;
        std::string source; /* of the module that was asked for last */
        std::exception_ptr thrown;

        template <typename Call> void guard(Call call) noexcept
        {
            try {
                call();
            } catch (...) {
                if (!thrown)
                    thrown = std::current_exception();
            }
        }
    };
    struct deleter {
        void operator()(bosun_host *raw) const noexcept
        {
            bosun_host_free(raw);
        }
    };

    static void on_log(void *data, const bosun_log_event *event) noexcept
    {
        auto *self = static_cast<shared *>(data);
        self->guard([&] { self->functions.log(*event); });
    }
    static void on_phase(void *data, bosun_phase phase) noexcept
    {
        auto *self = static_cast<shared *>(data);
        self->guard([&] { self->functions.phase(phase); });
    }
    static const char *on_module(void *data, const char *name, std::size_t *len) noexcept
    {
        auto *self = static_cast<shared *>(data);
        const char *found = nullptr;
        self->guard([&] {
            if (auto source = self->functions.find_module(name)) {
                self->source = std::move(*source);
                *len = self->source.size();
                found = self->source.c_str();
            }
        });
        return found;
    }

    void connect(bosun_options &raw) const noexcept
    {
        const options &functions = shared_->functions;
        raw.log_data = raw.phase_data = raw.find_module_data = shared_.get();
        raw.log = functions.log ? on_log : nullptr;
        raw.phase = functions.phase ? on_phase : nullptr;
        raw.find_module = functions.find_module ? on_module : nullptr;
    }
    void rethrow()
    {
        if (std::exception_ptr thrown = std::exchange(shared_->thrown, nullptr))
            std::rethrow_exception(thrown);
    }
    void finish(bool good, const bosun_error &why)
    {
        rethrow();
        if (!good)
            throw error(why);
    }

    std::unique_ptr<shared> shared_; /* freed after the host, whose finalizers log */
    std::unique_ptr<bosun_host, deleter> raw_;
};

} // namespace bosun

#endif
