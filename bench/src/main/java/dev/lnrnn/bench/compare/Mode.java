package dev.lnrnn.bench.compare;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What is timed: inference, or a forward pass for training and the backward pass together. */
public enum Mode {
    @JsonProperty("forward")
    FORWARD("forward"),
    @JsonProperty("train")
    TRAIN("train");

    private final String title;

    Mode(String title) {
        this.title = title;
    }

    /** As the table and the JSON file have it. */
    String title() {
        return title;
    }
}
