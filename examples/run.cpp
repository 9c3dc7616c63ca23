// run PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG: runs one action and prints its status as JSON. C++20.
#include <bosun.hpp>
#include <iostream>
#include <span>

int main(int argc, char **argv)
{
    std::span arguments(argv, static_cast<std::size_t>(argc));
    if (arguments.size() != 5) {
        std::cerr << "usage: " << arguments[0] << " PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG\n";
        return 64;
    }
    try {
        bosun::options options;
        options.raw.timeout = 30;
        options.log = [](const bosun_log_event &event) { std::cerr << "log: " << event.message << '\n'; };
        bosun::host host(std::move(options));
        host.load(arguments[1], arguments[2]);
        bosun::status status = host.run(arguments[3], arguments[4]);
        std::cout << status.json() << '\n';
        return status.outcome();
    } catch (const bosun::error &error) {
        std::cerr << error.code() << ": " << error.what() << '\n';
        return 1;
    }
}
