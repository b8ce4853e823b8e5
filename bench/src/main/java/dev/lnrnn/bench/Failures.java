package dev.lnrnn.bench;

import dev.lnrnn.LnrnnException;
import dev.lnrnn.Status;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

/**
 * Turns what a user can meet into one sentence and an exit status; anything else is a defect of these
 * programs and stays a stack trace.
 */
final class Failures {

    private Failures() {}

    static int report(Exception failure, CommandLine line, ParseResult arguments) throws Exception {
        switch (failure) {
            case BadInputException e -> line.getErr().println(e.getMessage());
            case BadResultException e -> {
                line.getErr().println(e.getMessage());
                return ExitCode.BAD_RESULT;
            }
            case IOException e -> line.getErr().println(sentence(e));
            case LnrnnException e when e.status() == Status.NOT_SUPPORTED -> {
                line.getErr().println(e.getMessage());
                return ExitCode.NOT_SUPPORTED;
            }
            case LnrnnException e -> line.getErr().println(e.getMessage());
            default -> throw failure;
        }
        return ExitCode.BAD_INPUT;
    }

    /** The file system's exceptions say what is wrong by their type, and name only the file. */
    private static String sentence(IOException failure) {
        return switch (failure) {
            case FileSystemException e when e.getReason() != null -> e.getFile() + ": " + e.getReason() + ".";
            case NoSuchFileException e -> "The file " + e.getFile() + " does not exist.";
            case AccessDeniedException e -> "Access to " + e.getFile() + " is denied.";
            case FileAlreadyExistsException e -> e.getFile() + " is a file where a directory is needed.";
            case FileSystemException e -> e.getFile() + " cannot be read or written: " + e.getClass().getSimpleName()
                    + ".";
            default -> Objects.requireNonNullElse(failure.getMessage(), failure.toString());
        };
    }
}
