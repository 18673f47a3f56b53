/** Where the page is when it shows the app's Home tab, in place of a channel's id. */
export const HOME_PLACE = 'home';
