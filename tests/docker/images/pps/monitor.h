/* Monitoring in the stand-in for a prediction server: one message a prediction, to RabbitMQ. */
#ifndef PPS_MONITOR_H
#define PPS_MONITOR_H

/* Reads the settings from the environment; starts the thread that publishes when monitoring is active. */
void monitor_start(void);

/* Queues a message; does nothing when monitoring is off. */
void monitor_publish(const char *json);

/* Waits, a few seconds at most, until what was queued is out. */
void monitor_finish(void);

#endif
