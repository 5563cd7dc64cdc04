//! English.

use super::{ClaimPage, Claims, Common, Cover, Introduction, Notice, Notices, OrderTexts, Texts};

pub(super) const TEXTS: Texts = Texts {
    common: Common {
        skip_to_content: "Skip to content",
        navigation: "Pages",
        language: "Language",
        to_introduction: "About",
        to_claims: "My cover",
        imprint: "Imprint",
        privacy: "Privacy",
        test: "测试 / test",
        test_note: "For testing only: a policy claimed with it is not valid.",
        order_no: "Order number",
    },
    introduction: Introduction {
        title: "About",
        headline: "Your devices keep watch. So does your cover.",
        lead: "The smart devices in your home look out for fire and electrical faults. If something happens all the same, the insurance bears the loss.",
        what_is_covered: "What is covered",
        fire: Cover {
            name: "Fire",
            text: "For homes and shops with smoke detectors or electrical-fire monitors.",
            points: [
                "Loss of buildings and contents by fire",
                "Voltage, current, temperature and smoke watched all day",
                "Your policy online, whenever you need it",
            ],
        },
        two_wheeler: Cover {
            name: "Two-wheeler",
            text: "For electric two-wheelers that charge at a smart charger.",
            points: [
                "Loss by a fire that starts while charging",
                "Current and temperature watched while it charges",
                "Your policy online, whenever you need it",
            ],
        },
        how_it_works: "How it works",
        steps: [
            Notice { title: "Choose a plan", text: "Pick the cover that suits you." },
            Notice {
                title: "We register it",
                text: "With the insurance service. That usually takes some seconds.",
            },
            Notice { title: "Claim your cover", text: "Collect your policy under “My cover”." },
        ],
        plans: "Plans",
        no_plans: "There is no plan on offer at the moment. Please look in again later.",
        price: "Price",
        buy: "Buy now",
        activate: "Activate now",
        ordered: "You have this plan",
        to_order: "View and claim",
        buy_another: "Get another one",
    },
    claims: Claims {
        title: "My cover",
        lead: "These are all of your orders. “Claim cover” leads to the page of the insurance service.",
        ready: "Ready to claim",
        coming: "Being registered",
        count: |count| if count == 1 { "1 unit".to_owned() } else { format!("{count} units") },
        claim: "Claim cover",
        progress: "See progress",
        none: Notice {
            title: "No orders yet",
            text: "Choose a plan. Once it is registered, you can claim your cover here.",
        },
        to_plans: "See the plans",
    },
    order: OrderTexts {
        coming: Notice {
            title: "Your order is being registered",
            text: "That usually takes some seconds.",
        },
        coming_for_a_while: Notice {
            title: "Still being registered",
            text: "It takes a little longer than usual. We have your order, so there is no need to send it again. You can leave this page and look under “My cover” later.",
        },
        coming_for_long: Notice {
            title: "Not registered yet",
            text: "We have your order, but the insurance service has not registered it. Please look under “My cover” after a while. If it is still missing then, contact support with the order number.",
        },
        there: Notice {
            title: "Your order is registered",
            text: "Your cover is ready: you can claim it now.",
        },
        reloads: "This page updates by itself.",
        look_now: "Check now",
        steps: ["Received", "Registering", "Ready to claim"],
        claim: "Claim cover",
    },
    claim_page: ClaimPage {
        title: "Claim your cover",
        text: "Your policy is issued by the insurance service. Choose how to open it:",
        open_page: "Open the claim page",
        open_mini_program: "Open the WeChat mini program",
        mini_program_note: "The mini program needs WeChat on this phone.",
    },
    notices: Notices {
        retry: "Try again",
        back_to_claims: "Back to my cover",
        wait: |seconds| {
            let unit = if seconds == 1 { "second" } else { "seconds" };
            format!("Please try again in {seconds} {unit}.")
        },
        no_session: Notice {
            title: "Please open this from the app again",
            text: "To protect your data, this page opens only from the app, and closes by itself after a while. Go back to the app and open it again.",
        },
        token_refused: Notice {
            title: "This link is not valid or has expired",
            text: "Go back to the app and open the page again. Each time you get a new link.",
        },
        token_used: Notice {
            title: "This link was used before",
            text: "Each link works once. Go back to the app and open the page again.",
        },
        cannot_enter_now: Notice {
            title: "The page can't be opened right now",
            text: "Something went wrong on our side. You can simply try again; if that does not help, open the page from the app again later.",
        },
        too_often: Notice {
            title: "That was a little too often",
            text: "Please wait a moment. Your orders are not affected.",
        },
        old_form: Notice {
            title: "This page is out of date",
            text: "It was open for too long, or was not sent from here. Nothing has happened. Please go back and try once more.",
        },
        not_found: Notice { title: "There is no such page", text: "Please go on from here." },
        no_such_order: Notice {
            title: "Order not found",
            text: "There is no such order, or it belongs to another account. All of your orders are under “My cover”.",
        },
        down: Notice {
            title: "The insurance service can't be reached",
            text: "Your orders are safe. Please try again in a moment.",
        },
        slow: Notice {
            title: "The insurance service is slow",
            text: "We waited a while and got no answer. Your orders are not affected. Please try again.",
        },
        throttled: Notice {
            title: "Many people are here right now",
            text: "The insurance service asks us to wait a moment.",
        },
        unknown_customer: Notice {
            title: "The insurance service does not know you yet",
            text: "If you have just ordered, you may still be being registered: try again in a moment. Otherwise choose a plan first.",
        },
        refused: Notice {
            title: "The insurance service did not accept this",
            text: "You can try again. If that does not help, contact support with the order number.",
        },
        ours: Notice {
            title: "Not available right now",
            text: "The fault is on our side, and has been recorded. Your orders are safe. Please try again later.",
        },
        no_page: Notice {
            title: "The claim page can't be opened right now",
            text: "The insurance service gave no address that is safe to open. Please try again later; if that does not help, contact support.",
        },
        order_later: Notice {
            title: "Your order was not sent yet",
            text: "Please try again. That makes no second order.",
        },
        not_on_sale: Notice {
            title: "This plan is not open yet",
            text: "Nothing was ordered, and nothing is charged.",
        },
        sold_out: Notice {
            title: "This plan is used up",
            text: "Nothing was ordered, and nothing is charged. Please contact support, or look in again later.",
        },
        contact_refused: Notice {
            title: "Your telephone number was not accepted",
            text: "The insurance service did not accept the number that the app has of you. Check it in the app, then open this page again.",
        },
        order_refused: Notice {
            title: "Your order was not accepted",
            text: "The insurance service did not accept it, and nothing is charged. Please contact support with the order number.",
        },
    },
};
